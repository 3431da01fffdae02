#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * A second opinion on accuracy: runs a detector on COCO photos through ONNX Runtime (or
 * TensorFlow.js) with preprocessing, decoding and suppression of its own, lets `fovea eval coco`
 * score both that and Fovea's own run on each device, and compares. How to get the rivals:
 * rivals.mjs. Needs the ffmpeg command.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fastestdet, nanodet, ssd, suppress, yolox } from './decode.mjs';
import { choose, deviceSpec, fovea, markdown, modelPath, readOptions } from './options.mjs';
import { decodePicture, fit, planes } from './pictures.mjs';
import { openOrt, openTfjs } from './rivals.mjs';

const usage = `ort-coco.mjs --ort NODE_MODULES [--fovea COMMAND] [--data DIR] [--tfjs DIR]
              [--models A,B,...] [--devices cpu,vulkan] [--iou 0.7] [--goal 0.2] [--bytes]
              [--save DIR] [--json]

Prints AP and AP50 (percent) of each model by the rival and by Fovea. Exits with 1 where an AP
differs by more than --goal points.
--ort      folder with the npm package onnxruntime-node (see rivals.mjs); or FOVEA_BENCH_ORT
--data     folder with models/detect and coco; or FOVEA_TEST_DATA
--tfjs     folder of a TensorFlow.js SSD (model.json), run by tfjs-backend-wasm
--iou      suppression among boxes of a class, for both (fovea eval's own default)
--bytes    the rival's resized photos are rounded to bytes, as OpenCV does; Fovea does not
--save     keeps the rival's detections there (COCO results)`;

const SCORE = 0.01;
const MOST = 100;

const models = [
    { name: 'yolox_nano', file: 'yolox_nano.onnx', size: 416, decode: yolox,
      fit: 'topleft', pad: 114, intake: { bgr: true } },
    { name: 'nanodet_320', file: 'nanodet_320.onnx', size: 320, decode: nanodet,
      fit: 'center', pad: 0, cutFirst: true,
      intake: { bgr: true, mean: [103.53, 116.28, 123.675],
                scale: [1 / 57.375, 1 / 57.12, 1 / 58.395] } },
    { name: 'fastestdet', file: 'fastestdet.onnx', size: 352, decode: fastestdet,
      fit: 'stretch',
      intake: { bgr: true, scale: [1 / 255, 1 / 255, 1 / 255] } },
    { name: 'tfjs_ssd', size: 300, decode: ssd, fit: 'stretch', cutFirst: true, tfjs: true },
];

function openRival(options, model) {
    const file = modelPath(options, model);
    if (model.tfjs)
        return openTfjs(options.ort, file, [1, model.size, model.size, 3]);
    return openOrt(options.ort, file, options.threads, model.size);
}

function clip(value, most) {
    return Math.min(Math.max(value, 0), most);
}

/* NanoDet and TensorFlow cut boxes to the picture before they suppress, the others after. */
async function detect(rival, model, photo, options) {
    const input = fit(photo, model.size, model.fit, model.pad,
        options.bytes || model.tfjs);
    const outputs = await rival.run(model.tfjs ? Int32Array.from(input.data)
                                               : planes(input.data, model.intake));
    const found = [];
    model.decode(outputs, model.size, SCORE, (x1, y1, x2, y2, label, score) => {
        const x = (at) => (at - input.x) / input.scaleX;
        const y = (at) => (at - input.y) / input.scaleY;
        found.push({ x1: x(x1), y1: y(y1), x2: x(x2), y2: y(y2), label, score });
    });
    const cut = (boxes) => boxes.map((box) => ({
        ...box,
        x1: clip(box.x1, photo.width), x2: clip(box.x2, photo.width),
        y1: clip(box.y1, photo.height), y2: clip(box.y2, photo.height),
    })).filter((box) => box.x2 > box.x1 && box.y2 > box.y1);
    if (model.cutFirst)
        return suppress(cut(found), options.iou, MOST);
    return cut(suppress(found, options.iou, MOST));
}

/* COCO results: class index k is the k-th category, but TensorFlow's column k is id k + 1. */
async function detectAll(rival, model, coco, options) {
    const ids = coco.annotations.categories.map((category) => category.id);
    const results = [];
    for (const image of coco.annotations.images) {
        const photo = decodePicture(path.join(coco.images, image.file_name), image.width,
            image.height);
        for (const box of await detect(rival, model, photo, options)) {
            const category = model.tfjs ? box.label + 1 : ids[box.label];
            if (ids.includes(category))
                results.push({ image_id: image.id, category_id: category, score: box.score,
                    bbox: [box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1] });
        }
    }
    return results;
}

function evaluate(options, coco, args) {
    const out = fovea(options, ['eval', 'coco', '--annotations', coco.json, '--quiet', ...args]);
    const last = out.trim().split('\n').pop();
    const match = /^AP (\S+) AP50 (\S+)$/.exec(last);
    if (!match)
        throw new Error(`fovea eval ended with '${last}', expected 'AP x AP50 y'`);
    return { ap: Number(match[1]), ap50: Number(match[2]) };
}

async function compare(options, model, devices, coco) {
    const rival = await openRival(options, model);
    const folder = options.save ?? fs.mkdtempSync(path.join(os.tmpdir(), 'ort-coco-'));
    const file = path.join(folder, `${model.name}.json`);
    const rows = [];
    try {
        fs.writeFileSync(file, JSON.stringify(await detectAll(rival, model, coco, options)));
        const theirs = evaluate(options, coco, ['--detections', file]);
        rows.push({ model: model.name, runtime: rival.title, ...theirs, difference: 0 });
        for (const device of devices) {
            const ours = evaluate(options, coco, ['--images', coco.images,
                '--model', modelPath(options, model), '--device', deviceSpec(device.name,
                    options.threads), '--iou-threshold', String(options.iou)]);
            rows.push({ model: model.name, runtime: `Fovea ${device.name}`, ...ours,
                difference: ours.ap - theirs.ap });
        }
    } finally {
        if (!options.save)
            fs.rmSync(folder, { recursive: true });
    }
    return rows;
}

function printTable(rows) {
    console.log(markdown(['model', 'runtime', 'AP', 'AP50', 'AP - rival\'s'], rows.map((row) => [
        row.model, row.runtime, row.ap.toFixed(2), row.ap50.toFixed(2),
        row.runtime.startsWith('Fovea') ? row.difference.toFixed(2) : '',
    ])));
}

const options = readOptions(usage, {
    iou: { type: 'string', default: '0.7' },
    bytes: { type: 'boolean', default: false },
    goal: { type: 'string', default: '0.2' },
    save: { type: 'string' },
});
options.iou = Number(options.iou);
options.goal = Number(options.goal);

const coco = {
    json: path.join(options.data, 'coco/instances_val64.json'),
    images: path.join(options.data, 'coco/val64'),
};
coco.annotations = JSON.parse(fs.readFileSync(coco.json, 'utf8'));
const devices = choose([{ name: 'cpu' }, { name: 'vulkan' }], options.devices, 'device');
const rows = [];
for (const model of choose(models, options.models, 'model')) {
    if (modelPath(options, model))
        rows.push(...await compare(options, model, devices, coco));
    else
        console.error(`${model.name}: left out without --tfjs`);
}
if (options.json)
    console.log(JSON.stringify(rows));
else
    printTable(rows);
if (rows.some((row) => Math.abs(row.difference) > options.goal))
    process.exitCode = 1;
