variable "context" {
  description = "Names and place of this environment, as the root module makes them."
  type = object({
    name             = string
    path             = string
    partition        = string
    account_id       = string
    region           = string
    image_repository = string
  })
  nullable = false
}

variable "parameter_arns" {
  description = "SSM parameters that tasks receive as secrets, ARN by name."
  type        = map(string)
  nullable    = false
}

variable "results_bucket_arn" {
  description = "Bucket of landing data, results, quarantine and exports."
  type        = string
  nullable    = false
}
