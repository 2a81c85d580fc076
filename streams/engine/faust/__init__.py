"""The only room that imports Faust: consumer group, batches, agents, backlog."""
