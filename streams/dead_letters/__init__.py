"""Dead letters as people work with them: select, explain, edit, plan and replay."""
