"""The JSON Schema of results, generated from the models: ``python -m pico_deploy.measure.schema``
rewrites it.
"""

from __future__ import annotations

import json
from pathlib import Path

from pico_deploy.measure.result import Provenance, Result

SCHEMA_PATH = Path(__file__).with_name("result.schema.json")


def schema_text() -> str:
    """The schema as the text that is committed."""
    schema = Result.model_json_schema(mode="validation")
    # What the models check beyond types, as far as JSON Schema can say it.
    schema["if"] = {"properties": {"provenance": {"const": Provenance.DEVICE.value}}}
    schema["then"] = {
        "properties": {
            "device": {
                "required": ["identified_by"],
                "properties": {
                    "identified_by": {"minItems": 1},
                    "emulator_markers": {"maxItems": 0},
                },
            }
        }
    }
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(schema_text(), encoding="utf-8")
