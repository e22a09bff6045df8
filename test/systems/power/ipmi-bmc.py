"""An IPMI BMC of one libvirt domain: virtualbmc's own, without its daemon and its files.

Reads its settings as JSON from standard input, so that the password is in no argument; says "ready" when it listens.
"""

import json
import sys

from virtualbmc.vbmc import VirtualBMC

settings = json.load(sys.stdin)
bmc = VirtualBMC(
    settings["user"],
    settings["password"],
    settings["port"],
    settings["address"],
    settings["domain"],
    settings["uri"],
)
print("ready", flush=True)
bmc.listen(timeout=5)
