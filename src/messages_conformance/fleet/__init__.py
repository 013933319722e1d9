"""Many targets, models, profiles and depths: the cells, their processes, and fleet.json with the result of each."""
