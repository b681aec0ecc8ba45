"""Which arithmetic a training step uses: a rule on the architecture and the device, never a timing.

The same trial on the same kind of machine must give the same curve, so nothing is measured here at run time.
"""

import torch

from hpsearch.network.architecture import CnnArchitecture
from hpsearch.study.trial_config import TrialConfig
from hpsearch.training.device import describe_device

BFLOAT16_FCN_MACS = 500_000
"""From how many multiply-accumulates an image on a fully connected network gains from bfloat16 on a CPU.

Below, casting its weights in every step costs what the products save (docs/log.md has the measurements). Convolutional
networks gain at every size: their activations are the larger part of the traffic, and halved.
"""


def uses_bfloat16(config: TrialConfig, device: torch.device) -> bool:
    """Whether dense layers and convolutions of a training step run in bfloat16 (by autocast)."""
    match device.type:
        case "cuda":
            return torch.cuda.get_device_capability(device) >= (8, 0)
        case "cpu":
            is_large = isinstance(config.architecture, CnnArchitecture) or config.count_macs() >= BFLOAT16_FCN_MACS
            return is_large and has_bfloat16_cpu()
        case _:
            return False


def has_bfloat16_cpu() -> bool:
    """Whether this CPU multiplies bfloat16 faster than single precision: by AMX, or by AVX-512 BF16 at full rate.

    Intel's cores that have AMX take AVX-512 BF16 at half the rate of single precision, and many a virtual machine hides
    AMX and shows the rest. Elsewhere bfloat16 is emulated.
    """
    has = torch.cpu.get_capabilities()
    if has.get("amx_bf16", False):
        return True
    is_made_for_amx = has.get("avx512_fp16", False) and "Intel" in describe_device(torch.device("cpu"))
    return bool(has.get("avx512_bf16", False)) and not is_made_for_amx
