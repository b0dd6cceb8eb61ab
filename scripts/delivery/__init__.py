"""From a commit to an AWS account: the plan, its apply, the image, and who is told."""
