// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * The rival runtimes, from a folder of npm packages outside the project. To get it:
 *
 *     mkdir ~/rivals && cd ~/rivals && npm init -y
 *     npm install --ignore-scripts onnxruntime-node @tensorflow/tfjs-core \
 *         @tensorflow/tfjs-converter @tensorflow/tfjs-backend-wasm
 *
 * and give --ort ~/rivals/node_modules.
 */
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';

function load(folder, name) {
    const require = createRequire(path.resolve(folder, 'noname.js'));
    try {
        return require(path.resolve(folder, name));
    } catch (error) {
        throw new Error(`${name} cannot be loaded from ${folder}: ${error.message}`);
    }
}

/** Runs of the network alone: run(Float32Array of one picture) resolves to {name: {data, dims}}. */
export async function openOrt(folder, model, threads, freeSize = 0) {
    const ort = load(folder, 'onnxruntime-node');
    const session = await ort.InferenceSession.create(model, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
    });
    const [input] = session.inputMetadata;
    const free = [1, 3, freeSize, freeSize];
    const dims = input.shape.map((size, i) => (typeof size === 'number' && size > 0 ? size : free[i]));
    return {
        title: `ONNX Runtime ${ort.env.versions.node ?? ort.env.versions.common}`,
        threads,
        dims,
        run: (data) => session.run({ [input.name]: new ort.Tensor('float32', data, dims) }),
    };
}

function tfjsHandler(modelPath) {
    const folder = path.dirname(modelPath);
    const json = JSON.parse(fs.readFileSync(modelPath, 'utf8'));
    const shards = json.weightsManifest.flatMap((group) => group.paths);
    const weights = Buffer.concat(shards.map((name) => fs.readFileSync(path.join(folder, name))));
    const bytes = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length);
    return {
        load: async () => ({
            modelTopology: json.modelTopology,
            format: json.format,
            signature: json.signature,
            weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
            weightData: bytes,
        }),
    };
}

/** The same for a TensorFlow.js graph model; pictures are NHWC integers. One thread (in node). */
export async function openTfjs(folder, modelPath, dims) {
    const tf = load(folder, '@tensorflow/tfjs-core');
    const converter = load(folder, '@tensorflow/tfjs-converter');
    const wasm = load(folder, '@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(path.resolve(folder, '@tensorflow/tfjs-backend-wasm/dist') + path.sep);
    await tf.setBackend('wasm');
    await tf.ready();
    const model = await converter.loadGraphModel(tfjsHandler(modelPath));
    const run = async (data, runDims = dims) => {
        const input = tf.tensor(data, runDims, 'int32');
        const outputs = [await model.executeAsync(input)].flat();
        const result = {};
        for (const [i, output] of outputs.entries())
            result[model.outputs[i].name] = { data: await output.data(), dims: output.shape };
        tf.dispose([input, outputs]);
        return result;
    };
    return { title: `TensorFlow.js ${tf.version_core} wasm`, threads: 1, dims, run };
}
