#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Fovea against ONNX Runtime (and TensorFlow.js) on the same machine in one run: rounds of the
 * two alternate (A B A B ...), so that a machine that changes its pace changes both. How to get
 * the rivals: rivals.mjs.
 */
import { choose, deviceSpec, fovea, markdown, median, modelPath, readOptions,
         wholeNumber } from './options.mjs';
import { openOrt, openTfjs } from './rivals.mjs';

const usage = `compare.mjs --ort NODE_MODULES [--fovea COMMAND] [--data DIR] [--tfjs DIR]
             [--models A,B,...] [--devices cpu,vulkan] [--rounds 5] [--runs 30] [--threads 2]
             [--json]

Prints a table of medians (ms) and of the ratio rival / Fovea: above 1, Fovea is faster. The ratio
is the median over rounds, spread its least and most; the last columns are the ratios of each
side's fastest single run, and of the least processor time (of all threads) that a run took: a busy
machine disturbs these least.
--ort      folder with the npm package onnxruntime-node (see rivals.mjs); or FOVEA_BENCH_ORT
--data     folder with models/detect; or FOVEA_TEST_DATA
--tfjs     folder of a TensorFlow.js SSD (model.json), to be compared with tfjs-backend-wasm
--rounds   rounds of each, alternating; --runs: timed runs in a round, after 3 that are not`;

const models = [
    { name: 'yolox_nano', file: 'yolox_nano.onnx', size: 416 },
    { name: 'nanodet_320', file: 'nanodet_320.onnx', size: 320 },
    { name: 'ssd_mobilenetv2', file: 'ssd_mobilenetv2_oidv4.onnx', size: 300 },
    { name: 'yolov8n_640', file: 'yolov8n_640.onnx', size: 640 },
    { name: 'fastestdet', file: 'fastestdet.onnx', size: 352 },
    { name: 'tfjs_ssd', size: 300, tfjs: true },
];
const WARMUP = 3;

function openRival(options, model) {
    const path = modelPath(options, model);
    if (model.tfjs)
        return openTfjs(options.ort, path, [1, model.size, model.size, 3]);
    return openOrt(options.ort, path, options.threads, model.size);
}

/* Noise of the right range does: no kernel's time depends on the values. */
function noise(model, dims) {
    const n = dims.reduce((a, b) => a * b, 1);
    const data = model.tfjs ? new Int32Array(n) : new Float32Array(n);
    for (let i = 0, state = 1; i < n; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        data[i] = model.tfjs ? state >>> 24 : state / 2 ** 32;
    }
    return data;
}

async function rivalRound(rival, data, runs) {
    const times = [], processor = [];
    for (let i = -WARMUP; i < runs; i++) {
        const before = process.cpuUsage();
        const start = process.hrtime.bigint();
        await rival.run(data);
        if (i < 0)
            continue;
        times.push(Number(process.hrtime.bigint() - start) / 1e6);
        const used = process.cpuUsage(before);
        processor.push((used.user + used.system) / 1e3);
    }
    return { median: median(times), least: Math.min(...times),
        processor: Math.min(...processor) };
}

function foveaRound(options, model, device, threads, runs) {
    const out = fovea(options, ['bench', '--json', '--model', modelPath(options, model),
        '--device', deviceSpec(device.name, threads), '--warmup', String(WARMUP),
        '--runs', String(runs), ...(model.tfjs ? ['--size', `${model.size}x${model.size}`] : [])]);
    return JSON.parse(out.trim().split('\n').pop());
}

async function measure(options, model, device, rival, data) {
    const rounds = [];
    let last;
    for (let i = 0; i < options.rounds; i++) {
        const theirs = await rivalRound(rival, data, options.runs);
        last = foveaRound(options, model, device, rival.threads, options.runs);
        rounds.push({ rival: theirs.median, fovea: last.median_ms,
            ratio: theirs.median / last.median_ms,
            rival_least: theirs.least, fovea_least: last.min_ms,
            rival_processor: theirs.processor, fovea_processor: last.processor_ms });
    }
    const least = (key) => Math.min(...rounds.map((round) => round[key]));
    const ratios = rounds.map((round) => round.ratio);
    return {
        model: model.name, size: model.size, device: device.name, device_name: last.device_name,
        precision: last.precision, rival: rival.title, threads: rival.threads,
        rival_ms: median(rounds.map((round) => round.rival)),
        fovea_ms: median(rounds.map((round) => round.fovea)),
        ratio: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios),
        rival_least_ms: least('rival_least'), fovea_least_ms: least('fovea_least'),
        rival_processor_ms: least('rival_processor'),
        fovea_processor_ms: least('fovea_processor'), rounds,
    };
}

function printTable(results) {
    const header = ['model', 'device', 'threads', 'rival', 'rival ms', 'Fovea ms', 'ratio', 'spread',
        'fastest runs', 'processor time'];
    console.log(markdown(header, results.map((r) => [
        `${r.model} ${r.size}`, r.device, String(r.threads), r.rival, r.rival_ms.toFixed(2),
        r.fovea_ms.toFixed(2), r.ratio.toFixed(2), `${r.least.toFixed(2)}..${r.most.toFixed(2)}`,
        (r.rival_least_ms / r.fovea_least_ms).toFixed(2),
        (r.rival_processor_ms / r.fovea_processor_ms).toFixed(2),
    ])));
}

const options = readOptions(usage, {
    rounds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '30' },
});
options.rounds = wholeNumber(options.rounds, '--rounds');
options.runs = wholeNumber(options.runs, '--runs');

const chosen = choose(models, options.models, 'model');
const devices = choose([{ name: 'cpu' }, { name: 'vulkan' }], options.devices, 'device');
const results = [];
for (const model of chosen) {
    if (!modelPath(options, model)) {
        console.error(`${model.name}: left out without --tfjs`);
        continue;
    }
    const rival = await openRival(options, model);
    const data = noise(model, rival.dims);
    for (const device of devices) {
        try {
            results.push(await measure(options, model, device, rival, data));
        } catch (error) {
            console.error(`${model.name} on ${device.name}: ${error.message}`);
            process.exitCode = 1;
        }
    }
}
if (options.json)
    console.log(JSON.stringify(results));
else
    printTable(results);
