locals {
  # CPU units and the memory, in MiB, that Fargate gives with them.
  # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
  fargate_sizes = [
    { cpu = 256, memory_mib = [512, 1024, 2048] },
    { cpu = 512, memory_mib = range(1024, 4096 + 1, 1024) },
    { cpu = 1024, memory_mib = range(2048, 8192 + 1, 1024) },
    { cpu = 2048, memory_mib = range(4096, 16384 + 1, 1024) },
    { cpu = 4096, memory_mib = range(8192, 30720 + 1, 1024) },
    { cpu = 8192, memory_mib = range(16384, 61440 + 1, 4096) },
    { cpu = 16384, memory_mib = range(32768, 122880 + 1, 8192) },
  ]
}
