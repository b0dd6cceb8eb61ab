# Source → plan and gate → (approval) → apply → register. CircleCI starts it with the digest of the image it pushed.
resource "aws_codepipeline" "delivery" {
  #checkov:skip=CKV_AWS_219:Encrypted with the key of this environment; its ARN is unknown until the first apply
  name           = var.context.name
  role_arn       = var.roles.pipeline_arn
  pipeline_type  = "V2"
  execution_mode = "QUEUED" # One after the other: the second plan is made of what the first has applied.

  artifact_store {
    type     = "S3"
    location = aws_s3_bucket.artifacts.bucket

    encryption_key {
      type = "KMS"
      id   = var.kms_key_arn
    }
  }

  variable {
    name        = "IMAGE_DIGEST"
    description = "Digest of the pushed image, sha256:<64 hex>."
  }

  stage {
    name = "Source"

    action {
      name             = "Source"
      category         = "Source"
      owner            = "AWS"
      provider         = "CodeStarSourceConnection"
      version          = "1"
      output_artifacts = ["source"]

      configuration = {
        ConnectionArn    = var.source_code.connection_arn
        FullRepositoryId = var.source_code.repository
        BranchName       = var.source_code.branch
        # The whole clone: the gate's record names the commit, and apply compares it.
        OutputArtifactFormat = "CODEBUILD_CLONE_REF"
        DetectChanges        = "false" # A push alone has no image yet.
      }
    }
  }

  stage {
    name = "Plan"

    action {
      name             = "PlanAndGate"
      category         = "Build"
      owner            = "AWS"
      provider         = "CodeBuild"
      version          = "1"
      input_artifacts  = ["source"]
      output_artifacts = ["plan"]

      configuration = {
        ProjectName          = aws_codebuild_project.stage["plan"].name
        EnvironmentVariables = jsonencode([{ name = "IMAGE_DIGEST", value = "#{variables.IMAGE_DIGEST}", type = "PLAINTEXT" }])
      }
    }
  }

  dynamic "stage" {
    for_each = var.approval ? ["Approve"] : []

    content {
      name = stage.value

      action {
        name     = "Approve"
        category = "Approval"
        owner    = "AWS"
        provider = "Manual"
        version  = "1"

        configuration = {
          NotificationArn = var.alerts_topic_arn
          CustomData      = "${var.context.name}: read report.html in the artifacts of the plan stage, then approve exactly that plan."
        }
      }
    }
  }

  stage {
    name = "Apply"

    action {
      name            = "Apply"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["source", "plan"]

      configuration = {
        ProjectName   = aws_codebuild_project.stage["apply"].name
        PrimarySource = "source"
      }
    }
  }

  stage {
    name = "Register"

    action {
      name            = "Register"
      category        = "Build"
      owner           = "AWS"
      provider        = "CodeBuild"
      version         = "1"
      input_artifacts = ["plan"] # A build must be given something; what it registers is in its image.

      configuration = {
        ProjectName = aws_codebuild_project.stage["register"].name
      }
    }
  }
}
