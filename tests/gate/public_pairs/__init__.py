"""Bad and good examples of what the checks of public policy projects are about, as small plans of our own.

The projects are trivy-checks, which took over tfsec's checks, checkov and terrascan. Of EventBridge they say little, so
its pairs are after prowler and CloudSploit; a few pairs beside are one step away from a description. No line is theirs.
"""

from public_pairs import containers, delivery, identity, instances, messages, network, records, storage
from public_pairs.pair import Pair

PAIRS: tuple[Pair, ...] = (
    *containers.PAIRS,
    *identity.PAIRS,
    *storage.PAIRS,
    *network.PAIRS,
    *instances.PAIRS,
    *messages.PAIRS,
    *records.PAIRS,
    *delivery.PAIRS,
)
