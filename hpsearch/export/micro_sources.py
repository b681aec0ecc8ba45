"""What goes into a firmware: the network as an array in a C header, and an example in C++ that runs it."""

import textwrap
from collections.abc import Sequence

from hpsearch.export.bundle_files import INT8_HEADER
from hpsearch.network.device_graph import DeviceGraph
from hpsearch.network.memory import count_ram

_RESOLVERS = {
    "QUANTIZE": "AddQuantize",
    "DEQUANTIZE": "AddDequantize",
    "PAD": "AddPad",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "FULLY_CONNECTED": "AddFullyConnected",
    "ADD": "AddAdd",
    "MUL": "AddMul",
    "MEAN": "AddMean",
    "MAX_POOL_2D": "AddMaxPool2D",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "HARD_SWISH": "AddHardSwish",
    "LEAKY_RELU": "AddLeakyRelu",
    "ELU": "AddElu",
    "TANH": "AddTanh",
    "LOGISTIC": "AddLogistic",
}
"""The methods of `MicroMutableOpResolver`."""

_BYTES_A_LINE = 20
_STRUCTURE_BYTES = 2048
_STRUCTURE_BYTES_A_STEP = 320
"""Of the arena's tail as the wheel for 64 bits reports it, which is more than a device of 32 bits needs."""


def write_header(model: bytes, graph: DeviceGraph, class_names: Sequence[str]) -> str:
    """A C and C++ header with the file as an array, the sizes that a firmware has to know, and the classes."""
    height, width, channels = graph.shapes[0]
    names = ", ".join(_quote(name) for name in class_names)
    arena = count_ram(graph) + _STRUCTURE_BYTES + _STRUCTURE_BYTES_A_STEP * len(graph.operators)
    return "\n".join(
        [
            "// A network in 8-bit whole numbers for TensorFlow Lite Micro, written by hpsearch.",
            "// Input: uint8, height x width x channels, pixels as they are. Output: int8 logits; the largest wins.",
            "#ifndef HPSEARCH_MODEL_INT8_H_",
            "#define HPSEARCH_MODEL_INT8_H_",
            "",
            f"#define HPSEARCH_INPUT_HEIGHT {height}",
            f"#define HPSEARCH_INPUT_WIDTH {width}",
            f"#define HPSEARCH_INPUT_CHANNELS {channels}",
            f"#define HPSEARCH_CLASSES {len(class_names)}",
            "// What flows at the largest moment, and the whole arena, with the interpreter's own structures.",
            f"#define HPSEARCH_RAM_BYTES {count_ram(graph)}",
            f"#define HPSEARCH_ARENA_BYTES {arena}",
            f"#define HPSEARCH_MODEL_BYTES {len(model)}",
            "",
            f"static const char* const hpsearch_classes[HPSEARCH_CLASSES] = {{{names}}};",
            "",
            "#if defined(__GNUC__) || defined(__clang__)",
            "__attribute__((aligned(16)))",
            "#endif",
            "static const unsigned char hpsearch_model[HPSEARCH_MODEL_BYTES] = {",
            *_write_bytes(model),
            "};",
            "",
            "#endif  // HPSEARCH_MODEL_INT8_H_",
            "",
        ]
    )


def write_example(graph: DeviceGraph) -> str:
    """A function in C++ that labels an image, with a resolver of just the operators that the network has."""
    operators = graph.list_operators()
    additions = "\n".join(f"  resolver.{_RESOLVERS[name]}();" for name in operators)
    return textwrap.dedent("""\
        // Labels an image with the network of {header}, by TensorFlow Lite Micro. Written by hpsearch.
        #include <cstdint>
        #include <cstring>

        #include "{header}"
        #include "tensorflow/lite/micro/micro_interpreter.h"
        #include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
        #include "tensorflow/lite/schema/schema_generated.h"

        namespace {{

        alignas(16) uint8_t arena[HPSEARCH_ARENA_BYTES];

        tflite::MicroInterpreter* MakeInterpreter() {{
          static tflite::MicroMutableOpResolver<{count}> resolver;
        {additions}
          static tflite::MicroInterpreter interpreter(
              tflite::GetModel(hpsearch_model), resolver, arena, sizeof(arena));
          return interpreter.AllocateTensors() == kTfLiteOk ? &interpreter : nullptr;
        }}

        }}  // namespace

        // image: HPSEARCH_INPUT_HEIGHT x HPSEARCH_INPUT_WIDTH x HPSEARCH_INPUT_CHANNELS bytes, 0 to 255.
        // Returns the number of the class in hpsearch_classes, or -1 where the arena is too small.
        int Classify(const uint8_t* image) {{
          static tflite::MicroInterpreter* const interpreter = MakeInterpreter();
          if (interpreter == nullptr) return -1;
          TfLiteTensor* const input = interpreter->input(0);
          std::memcpy(input->data.uint8, image, input->bytes);
          if (interpreter->Invoke() != kTfLiteOk) return -1;
          const int8_t* const logits = interpreter->output(0)->data.int8;
          int best = 0;
          for (int label = 1; label < HPSEARCH_CLASSES; ++label) {{
            if (logits[label] > logits[best]) best = label;
          }}
          return best;
        }}
        """).format(header=INT8_HEADER, count=len(operators), additions=additions)


def _write_bytes(content: bytes) -> list[str]:
    starts = range(0, len(content), _BYTES_A_LINE)
    return ["  " + "".join(f"{byte}," for byte in content[start : start + _BYTES_A_LINE]) for start in starts]


def _quote(text: str) -> str:
    """A string of C: what is not plain ASCII as octal bytes of its UTF-8."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{plain}"'
