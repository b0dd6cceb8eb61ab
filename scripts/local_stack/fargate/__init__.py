"""The embedded Fargate of the local stack: tasks are processes of this machine."""
