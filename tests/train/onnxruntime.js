// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Files that Fovea writes give in ONNX Runtime what they give in Fovea, and, where a model was
// only read and written, what the model gave.
//
//   npm install --no-save --ignore-scripts onnxruntime-node@1.30.0
//   FOVEA_KEEP_RECIPES=FOLDER build/tests/train/train-recipes && node onnxruntime.js FOLDER
//   FOVEA_KEEP_MODELS=FOLDER build/tests/train/train-save && node onnxruntime.js FOLDER
'use strict'
const fs = require('fs')
const path = require('path')
const ort = require('onnxruntime-node')

const WARNINGS = 2
const ERRORS = 3 // what models of others are warned of is not asked

function floats (file) {
  const bytes = fs.readFileSync(file)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

// Recipes: the input's size, its values and the output's as lines of text. Models: a JSON file of
// shapes, and a file of numbers for each input and output.
function read (folder, name) {
  const base = path.join(folder, name)
  if (fs.existsSync(`${base}.json`)) {
    const { source, x, y } = JSON.parse(fs.readFileSync(`${base}.json`, 'utf8'))
    return {
      source,
      x: x.map((shape, i) => new ort.Tensor('float32', floats(`${base}.x${i}`), shape)),
      y: y.map((shape, i) => floats(`${base}.y${i}`))
    }
  }
  const [size, x, y] = fs.readFileSync(`${base}.txt`, 'ascii').trim().split('\n')
    .map(line => Float32Array.from(line.trim().split(' '), Number))
  const shape = [x.length / 3 / size[0] / size[1], 3, size[0], size[1]]
  return { source: '', x: [new ort.Tensor('float32', x, shape)], y: [y] }
}

async function run (file, x, logSeverityLevel) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel })
  const found = await session.run(Object.fromEntries(session.inputNames.map((n, i) => [n, x[i]])))
  return session.outputNames.map(name => found[name].data)
}

// The largest distance, as a share of the output's largest value where that is above 1.
function distance (found, wanted) {
  if (found.length !== wanted.length) throw new Error(`${found.length} outputs, not ${wanted.length}`)
  return Math.max(...found.map((values, k) => {
    if (values.length !== wanted[k].length) throw new Error(`${values.length} values, not ${wanted[k].length}`)
    let worst = 0
    let largest = 1
    values.forEach((v, i) => {
      const w = Number(wanted[k][i])
      largest = Math.max(largest, Math.abs(w))
      if (!(Math.abs(Number(v) - w) <= worst)) worst = Math.abs(Number(v) - w)
    })
    return worst / largest
  }))
}

async function compare (folder, name) {
  try {
    const { source, x, y } = read(folder, name)
    const found = await run(path.join(folder, `${name}.onnx`), x, WARNINGS)
    const fovea = distance(found, y)
    const model = source ? distance(found, await run(source, x, ERRORS)) : 0
    const good = fovea <= 1e-4 && model <= 1e-5
    console.log(`${good ? 'ok' : 'not ok'} ${name}: off by ${fovea.toExponential(1)} at most` +
      (source ? `, from the model by ${model.toExponential(1)}` : ''))
    return good
  } catch (error) {
    console.log(`not ok ${name}: ${error.message}`)
    return false
  }
}

async function main () {
  const names = fs.readdirSync(process.argv[2]).filter(f => f.endsWith('.onnx'))
  const good = []
  for (const file of names) good.push(await compare(process.argv[2], file.slice(0, -5)))
  process.exit(good.length && good.every(Boolean) ? 0 : 1)
}

main()
