locals {
  terraform_image = "aws/codebuild/amazonlinux-x86_64-standard:5.0"

  # The repository's own commands; what they need besides Python is Terraform, in the version that it names.
  install = {
    runtime-versions = { python = "3.11" }
    commands         = ["python3 scripts/install_terraform.py \"$HOME/bin\"", "export PATH=\"$HOME/bin:$PATH\""]
  }

  stages = {
    plan = {
      role_arn    = var.roles.plan_arn
      image       = local.terraform_image
      credentials = "CODEBUILD"
      variables   = {}
      secrets     = {}
      buildspec = {
        version   = "0.2"
        phases    = { install = local.install, build = { commands = ["make plan ENV=${var.context.environment} PIPELINE=1"] } }
        artifacts = { base-directory = "build/${var.context.environment}", files = ["plan.tfplan", "plan.json", "gate.json", "report.html"] }
      }
    }
    apply = {
      role_arn    = var.roles.apply_arn
      image       = local.terraform_image
      credentials = "CODEBUILD"
      variables   = {}
      secrets     = {}
      buildspec = {
        version = "0.2"
        phases = {
          install = local.install
          build = {
            commands = [
              "mkdir -p build/${var.context.environment} && cp -R \"$CODEBUILD_SRC_DIR_plan/.\" build/${var.context.environment}/",
              "make apply ENV=${var.context.environment}",
            ]
          }
        }
      }
    }
    # In the image itself: what is registered is what runs. Its digest is a fact of this project and no parameter of a run.
    register = {
      role_arn    = var.roles.register_arn
      image       = var.image
      credentials = "SERVICE_ROLE"
      variables = merge(var.registration.variables, {
        DATA_FLOWS_STATE = "s3://${var.context.state.bucket}/${var.context.state.key}"
        IMAGE_DIGEST     = split("@", var.image)[1]
      })
      secrets = { for name in var.registration.parameters : name => "${var.context.path}/${name}" }
      buildspec = {
        version = "0.2"
        phases = {
          build = {
            commands = ["cd /opt/data-flows && python -m scripts.register_flows --env ${var.context.environment} --image-digest \"$IMAGE_DIGEST\""]
          }
        }
      }
    }
  }
}

resource "aws_codebuild_project" "stage" {
  #checkov:skip=CKV_AWS_147:Encrypted with the key of this environment; its ARN is unknown until the first apply
  for_each = local.stages

  name           = "${var.context.name}-${each.key}"
  description    = "Stage ${each.key} of the pipeline ${var.context.name}"
  service_role   = each.value.role_arn
  encryption_key = var.kms_key_arn
  build_timeout  = 60
  queued_timeout = 60

  source {
    type      = "CODEPIPELINE"
    buildspec = yamlencode(each.value.buildspec)
  }

  artifacts {
    type = "CODEPIPELINE"
  }

  environment {
    type                        = "LINUX_CONTAINER"
    compute_type                = "BUILD_GENERAL1_MEDIUM"
    image                       = each.value.image
    image_pull_credentials_type = each.value.credentials
    privileged_mode             = false

    dynamic "environment_variable" {
      for_each = each.value.variables

      content {
        name  = environment_variable.key
        value = environment_variable.value
      }
    }

    # By name: CodeBuild reads the value when a build starts.
    dynamic "environment_variable" {
      for_each = each.value.secrets

      content {
        name  = environment_variable.key
        value = environment_variable.value
        type  = "PARAMETER_STORE"
      }
    }
  }

  logs_config {
    cloudwatch_logs {
      group_name  = aws_cloudwatch_log_group.builds.name
      stream_name = each.key
    }
  }
}

resource "aws_cloudwatch_log_group" "builds" {
  #checkov:skip=CKV_AWS_158:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name              = "${var.context.path}/delivery"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
