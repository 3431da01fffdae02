// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The recipes' files in ONNX Runtime give what Fovea gives.
//
//   npm install --no-save --ignore-scripts onnxruntime-node@1.30.0
//   FOVEA_KEEP_RECIPES=FOLDER build/tests/train/train-recipes && node onnxruntime.js FOLDER
'use strict'
const fs = require('fs')
const path = require('path')
const ort = require('onnxruntime-node')

async function compare (folder, name) {
  const [size, x, y] = fs.readFileSync(path.join(folder, `${name}.txt`), 'ascii').trim().split('\n')
    .map(line => Float32Array.from(line.trim().split(' '), Number))
  const session = await ort.InferenceSession.create(path.join(folder, `${name}.onnx`))
  const shape = [x.length / 3 / size[0] / size[1], 3, size[0], size[1]]
  const results = await session.run({ pictures: new ort.Tensor('float32', x, shape) })
  const found = results[session.outputNames[0]].data
  const worst = Math.max(...y.map((v, i) => Math.abs(v - found[i]) / Math.max(Math.abs(v), 1)))
  if (found.length !== y.length) throw new Error(`${name}: ${found.length} values, not ${y.length}`)
  console.log(`${worst <= 1e-4 ? 'ok' : 'not ok'} ${name}: off by ${worst.toExponential(1)} at most`)
  return worst <= 1e-4
}

async function main () {
  const names = fs.readdirSync(process.argv[2]).filter(f => f.endsWith('.txt'))
  const good = []
  for (const file of names) good.push(await compare(process.argv[2], file.slice(0, -4)))
  process.exit(good.length && good.every(Boolean) ? 0 : 1)
}

main()
