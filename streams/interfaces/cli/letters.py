"""`leads dead-letters`: gathers the commands about dead letters."""

from __future__ import annotations

import typer

from streams.interfaces.cli import letter_commands, letter_jobs, letter_plans, letter_views

app = typer.Typer(help="Dead letters: list, explain, edit and replay what failed.", no_args_is_help=True)
app.command("show")(letter_views.show_command)
app.command("tail")(letter_views.tail_command)
app.command("export")(letter_commands.export_command)
app.command("import")(letter_commands.import_command)
app.command("replay")(letter_jobs.replay_command)
app.command("groups")(letter_views.groups_command)
app.command("stats")(letter_views.stats_command)
app.command("edit")(letter_commands.edit_command)
app.command("repair")(letter_commands.repair_command)
app.command("schedule")(letter_commands.schedule_command)
for name, text in letter_commands.SIMPLE_TEXTS.items():
    app.command(name, help=text.help)(letter_commands.simple_command(name))
app.command("reindex")(letter_commands.reindex_command)
app.command("plan")(letter_plans.plan_command)
app.command("check")(letter_plans.check_command)
app.command("apply")(letter_jobs.apply_command)
app.command("list")(letter_views.list_command)
app.add_typer(letter_jobs.app, name="jobs")
