// SPDX-License-Identifier: LGPL-2.1-or-later

/*
 * Detector outputs into boxes, written from the models' own descriptions and sharing nothing
 * with runtime/detect. Each decoder takes {name: {data, dims}} and the input size, and calls
 * emit (x1, y1, x2, y2 in network pixels, class index, score).
 */
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** YOLOX: rows cx, cy, log w, log h, objectness, classes; cells of strides 8, 16, 32. */
export function yolox(outputs, size, least, emit) {
    const [{ data, dims }] = Object.values(outputs);
    const columns = dims[2];
    let at = 0;
    for (const stride of [8, 16, 32]) {
        const grid = size / stride;
        for (let cell = 0; cell < grid * grid; cell++, at += columns) {
            const cx = (data[at] + (cell % grid)) * stride;
            const cy = (data[at + 1] + Math.floor(cell / grid)) * stride;
            const w = Math.exp(data[at + 2]) * stride;
            const h = Math.exp(data[at + 3]) * stride;
            for (let k = 5; k < columns; k++) {
                const score = data[at + 4] * data[at + k];
                if (score > least)
                    emit(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, k - 5, score);
            }
        }
    }
}

/* The mean of a softmax over 8 bins. */
function distance(data, at) {
    let sum = 0;
    let mean = 0;
    for (let bin = 0; bin < 8; bin++) {
        const e = Math.exp(data[at + bin]);
        sum += e;
        mean += bin * e;
    }
    return mean / sum;
}

/** NanoDet: per stride cells x 80 scores and cells x 32 distances; outputs go by their shape. */
export function nanodet(outputs, size, least, emit) {
    const found = Object.values(outputs);
    for (const stride of [8, 16, 32]) {
        const grid = size / stride;
        const pick = (columns) =>
            found.find(({ dims }) => dims.at(-2) === grid * grid && dims.at(-1) === columns).data;
        const scores = pick(80);
        const sides = pick(32);
        for (let cell = 0; cell < grid * grid; cell++) {
            const x = ((cell % grid) + 0.5) * stride;
            const y = (Math.floor(cell / grid) + 0.5) * stride;
            const [l, t, r, b] = [0, 1, 2, 3].map((i) => distance(sides, cell * 32 + i * 8) * stride);
            for (let k = 0; k < 80; k++)
                if (scores[cell * 80 + k] > least)
                    emit(x - l, y - t, x + r, y + b, k, scores[cell * 80 + k]);
        }
    }
}

/** FastestDet: one plane set of stride 16: objectness, box, classes. */
export function fastestdet(outputs, size, least, emit) {
    const [{ data, dims }] = Object.values(outputs);
    const [, , rows, columns] = dims;
    const cells = rows * columns;
    for (let cell = 0; cell < cells; cell++) {
        const at = (channel) => data[channel * cells + cell];
        const cx = ((Math.tanh(at(1)) + (cell % columns)) * size) / columns;
        const cy = ((Math.tanh(at(2)) + Math.floor(cell / columns)) * size) / rows;
        const w = sigmoid(at(3)) * size;
        const h = sigmoid(at(4)) * size;
        for (let k = 0; k < 80; k++) {
            const score = at(0) ** 0.6 * at(5 + k) ** 0.4;
            if (score > least)
                emit(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, k, score);
        }
    }
}

/** TensorFlow SSD with boxes decoded by the graph: ymin, xmin, ymax, xmax in 0..1. */
export function ssd(outputs, size, least, emit) {
    const found = Object.values(outputs);
    const boxes = found.find(({ dims }) => dims.at(-1) === 4).data;
    const { data: scores, dims } = found.find((output) => output.dims.at(-1) > 4);
    const columns = dims.at(-1);
    for (let i = 0; i < dims.at(-2); i++) {
        const [y1, x1, y2, x2] = boxes.subarray(i * 4, i * 4 + 4);
        for (let k = 0; k < columns; k++)
            if (scores[i * columns + k] > least)
                emit(x1 * size, y1 * size, x2 * size, y2 * size, k, scores[i * columns + k]);
    }
}

function overlap(a, b) {
    const w = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
    const h = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
    if (w <= 0 || h <= 0)
        return 0;
    const area = (r) => (r.x2 - r.x1) * (r.y2 - r.y1);
    return (w * h) / (area(a) + area(b) - w * h);
}

/** Greedy suppression among boxes of one class; the best `most` of what stays. */
export function suppress(found, iou, most) {
    const kept = [];
    for (const box of found.toSorted((a, b) => b.score - a.score)) {
        if (kept.length === most)
            break;
        if (!kept.some((other) => other.label === box.label && overlap(other, box) > iou))
            kept.push(box);
    }
    return kept;
}
