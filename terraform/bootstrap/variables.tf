variable "name" {
  description = "First part of the names of everything created here: the name of the account's first stack."
  type        = string
  default     = "DataFlows"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Z][A-Za-z0-9]{1,19}$", var.name))
    error_message = "name is \"${var.name}\"; expected 2 to 20 letters and digits that begin with a capital, such as DataFlows."
  }
}

variable "account_id" {
  description = "AWS account to prepare, 12 digits; the provider refuses credentials of any other."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id is \"${var.account_id}\"; expected the 12 digits of an AWS account."
  }
}

variable "region" {
  description = "AWS region of the account's environments, such as eu-west-1."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\"; expected an AWS region, such as eu-west-1."
  }
}

variable "stacks" {
  description = "The account's environments by the name of their stack. Each environment gets a state bucket, and CircleCI may start its pipeline."
  type        = map(set(string))
  nullable    = false

  validation {
    condition     = length(var.stacks) > 0 && alltrue([for name in keys(var.stacks) : can(regex("^[A-Z][A-Za-z0-9]{1,19}$", name))])
    error_message = "stacks has [${join(", ", keys(var.stacks))}]; expected one or more names of 2 to 20 letters and digits that begin with a capital, such as DataFlows."
  }
  validation {
    condition = alltrue([for names in values(var.stacks) : length(names) > 0 && alltrue([
      for name in names : can(regex("^[a-z][a-z0-9]{1,14}$", name)) && name != "bootstrap"
    ])])
    error_message = "stacks has ${join(", ", [for stack, names in var.stacks : "${stack} = [${join(", ", names)}]"])}; expected one or more environments for each stack, such as dev, as in terraform/environments/."
  }
  validation {
    condition = length(flatten([for names in values(var.stacks) : tolist(names)])) == length(distinct(flatten([
      for stack, names in var.stacks : [for name in names : "${lower(stack)}-${name}"]
    ])))
    error_message = "stacks has ${join(", ", [for stack, names in var.stacks : "${stack} = [${join(", ", names)}]"])}; expected stacks whose names differ in more than capitals, where they have an environment of the same name: bucket names have no capitals."
  }
}

variable "owner" {
  description = "Team that is responsible for the account; a tag on every resource."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9 _.@/+-]{1,62}$", var.owner))
    error_message = "owner is \"${var.owner}\"; expected a team's name or address, 2 to 63 letters, digits, spaces and _.@/+-, such as data-platform."
  }
}

variable "repository" {
  description = "Name of the repository that holds this code; a tag on every resource."
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
  description = "Which CircleCI jobs may push the image and start a pipeline: ids of the organization and the project, origin of the source (host/owner/name), and branches."
  type = object({
    organization_id = string
    project_id      = string
    origin          = string
    branches        = set(string)
  })
  nullable = false

  validation {
    condition     = alltrue([for id in [var.circleci.organization_id, var.circleci.project_id] : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "circleci.organization_id and project_id are \"${var.circleci.organization_id}\" and \"${var.circleci.project_id}\"; expected UUIDs, which CircleCI shows in the settings of the organization and the project."
  }
  validation {
    condition     = can(regex("^[a-z0-9.-]+/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.circleci.origin))
    error_message = "circleci.origin is \"${var.circleci.origin}\"; expected <host>/<owner>/<name>, such as github.com/example/data-flows."
  }
  validation {
    condition     = length(var.circleci.branches) > 0 && alltrue([for branch in var.circleci.branches : can(regex("^[A-Za-z0-9_./-]+$", branch))])
    error_message = "circleci.branches is [${join(", ", var.circleci.branches)}]; expected full names of branches, without wildcards, because whoever can create a matching branch could deploy."
  }
}
