variable "account_id" {
  description = "AWS account to prepare; the provider refuses any other."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is \"${var.account_id}\"; expected the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "AWS region of the account's environments."
  type        = string
  nullable    = false
}

variable "environments" {
  description = "Environments that live in this account: each gets a state bucket, and CircleCI may start its pipeline."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z][a-z0-9]{1,11}$", name))])
    error_message = "environments is [${join(", ", var.environments)}]; expected one or more names such as dev, as in terraform/environments/."
  }
}

variable "owner" {
  description = "Team that answers for the account, as a tag on everything."
  type        = string
  nullable    = false
}

variable "repository" {
  description = "Source repository that describes this account, as a tag on everything."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "image_repository" {
  description = "Name of the image repository in this account's registry."
  type        = string
  default     = "data-flows"
  nullable    = false
}

variable "circleci" {
  description = "Which CircleCI jobs may push the image and start a pipeline: organization and project (their ids), origin of the source (host/owner/name) and branches."
  type = object({
    organization_id = string
    project_id      = string
    origin          = string
    branches        = optional(set(string), ["main"])
  })
  nullable = false

  validation {
    condition     = alltrue([for id in [var.circleci.organization_id, var.circleci.project_id] : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "circleci.organization_id and project_id are \"${var.circleci.organization_id}\" and \"${var.circleci.project_id}\"; expected UUIDs, as CircleCI shows them in its organization's and project's settings."
  }
  validation {
    condition     = can(regex("^[a-z0-9.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.circleci.origin))
    error_message = "circleci.origin is \"${var.circleci.origin}\"; expected <host>/<owner>/<name>, such as github.com/example/data-flows."
  }
  validation {
    condition     = length(var.circleci.branches) > 0 && alltrue([for branch in var.circleci.branches : can(regex("^[A-Za-z0-9_./-]+$", branch))])
    error_message = "circleci.branches is [${join(", ", var.circleci.branches)}]; expected branches by their whole names, without wildcards: whoever can make a matching branch can deploy."
  }
}
