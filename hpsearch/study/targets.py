"""Devices by name: what a network may take of them, and which operators run there.

A name is shorthand for limits and operators, never a promise of milliseconds. Of a chip's RAM the network gets three
quarters: the rest is for the interpreter's own structures, the scratch memory of the kernels, stack and application.
Of its flash it gets half: the rest is for the code. Whoever knows better gives --ram and --flash, which go above a
target.
"""

from typing import NamedTuple

from hpsearch.errors import InputError
from hpsearch.network.architecture import Activation
from hpsearch.network.device_graph import OPERATORS_OF_ACTIVATION, Operator
from hpsearch.wording import describe_unknown

MICRO_OPERATORS: frozenset[Operator] = frozenset(
    {
        *("QUANTIZE", "DEQUANTIZE", "PAD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "MEAN"),
        *("MAX_POOL_2D", "AVERAGE_POOL_2D", "HARD_SWISH", "LEAKY_RELU", "ELU", "TANH", "LOGISTIC"),
    }
)
"""Of those that networks here are made of, what TensorFlow Lite Micro has (`micro_mutable_op_resolver.h`): no GELU."""

_RAM_SHARE, _FLASH_SHARE = (3, 4), (1, 2)
_KIB = 1024


class Target(NamedTuple):
    """A kind of device."""

    name: str
    chip: str
    """An example, with what it has."""
    chip_ram: int
    chip_flash: int
    """Bytes."""
    source: str
    """The data sheet that the figures are of."""
    checked_against: str
    """What they were compared with: a memory map of the maker or of an operating system. No data sheet was opened."""
    operators: frozenset[Operator] = MICRO_OPERATORS

    @property
    def ram(self) -> int:
        """Bytes of RAM for what flows."""
        return self.chip_ram * _RAM_SHARE[0] // _RAM_SHARE[1]

    @property
    def flash(self) -> int:
        """Bytes of flash for the .tflite file."""
        return self.chip_flash * _FLASH_SHARE[0] // _FLASH_SHARE[1]


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
            "cortex-m0-32k",
            "SAM D21 (Arduino Zero), Cortex-M0+: 32 KB of RAM, 256 KB of flash",
            32 * _KIB,
            256 * _KIB,
            "Microchip, SAM D21/DA1 Family data sheet, Configuration Summary (SAMD21G18A)",
            "Zephyr, dts/arm/atmel/samd2x.dtsi: SRAM 0x8000, flash 0x40000",
        ),
        Target(
            "cortex-m4-64k",
            "STM32F401xB, Cortex-M4: 64 KB of RAM, 128 KB of flash",
            64 * _KIB,
            128 * _KIB,
            "ST, STM32F401xB/xC data sheet (DocID 024738), Description",
            "Zephyr, dts/arm/st/f4/stm32f401Xb.dtsi: 64 K and 128 K",
        ),
        Target(
            "cortex-m4-256k",
            "nRF52840 (Arduino Nano 33 BLE), Cortex-M4: 256 KB of RAM, 1 MB of flash",
            256 * _KIB,
            1024 * _KIB,
            "Nordic, nRF52840 Product Specification, Memory",
            "Zephyr, dts/arm/nordic/nrf52840_qiaa.dtsi: 256 K and 1024 K",
        ),
        Target(
            "cortex-m7-512k",
            "STM32F767, Cortex-M7: 512 KB of RAM, 2 MB of flash",
            512 * _KIB,
            2048 * _KIB,
            "ST, STM32F765/767/768/769 data sheet, Description",
            "Zephyr, dts/arm/st/f7/stm32f765.dtsi and stm32f767Xi.dtsi: 128 K + 384 K, one after the other, and 2048 K",
        ),
        Target(
            "rp2040",
            "RP2040 (Raspberry Pi Pico), two Cortex-M0+: 264 KB of RAM, 2 MB of flash on the board",
            264 * _KIB,
            2048 * _KIB,
            "Raspberry Pi, RP2040 data sheet, SRAM, and Pico data sheet",
            "Raspberry Pi, pico-sdk, memmap_default.ld: 256 K + 2 x 4 K and 2048 K",
        ),
        Target(
            "esp32-s3",
            "ESP32-S3, two Xtensa LX7: 512 KB of RAM, 8 MB of flash on the usual module",
            512 * _KIB,
            8192 * _KIB,
            "Espressif, ESP32-S3 Series data sheet, Memory, and ESP32-S3-WROOM-1 data sheet",
            "not verified: the memory map in esp-idf (soc.h) has 416 K for data and code together; flash: "
            "Espressif in Zephyr, esp32s3_wroom_n8.dtsi, 8 M",
        ),
    )
}


def find_target(name: str) -> Target:
    """The target of this name.

    Raises:
        InputError: There is none; the message names all.
    """
    if name not in TARGETS:
        raise InputError(describe_unknown("target", name, tuple(TARGETS)))
    return TARGETS[name]


def runs_on(activation: Activation, operators: frozenset[Operator]) -> bool:
    """Whether a device with these operators has what an activation takes."""
    return operators.issuperset(OPERATORS_OF_ACTIVATION[activation])
