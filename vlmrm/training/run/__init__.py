"""The folder of a training run: metrics, checkpoints and the state of an agent."""
