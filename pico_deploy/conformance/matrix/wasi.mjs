// node wasi.mjs PROGRAM VECTORS [NAME...]: run pico_conform for WASI in Node, with VECTORS as its only folder.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [program, vectors, ...names] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: ["pico_conform", "/vectors", ...names],
  env: { PICO_CPU: process.env.PICO_CPU ?? "" },
  preopens: { "/vectors": vectors },
});
const module = await WebAssembly.compile(await readFile(program));
process.exitCode = wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
