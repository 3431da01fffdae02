// SPDX-License-Identifier: LGPL-2.1-or-later

/* Photos into network inputs, as the models' authors prepare them, without any of Fovea. */
import { spawnSync } from 'node:child_process';

/** Decodes a file to {width, height, data} with bytes R, G, B, through the ffmpeg command. */
export function decodePicture(path, width, height) {
    const done = spawnSync('ffmpeg', ['-v', 'error', '-noautorotate', '-i', path, '-frames:v', '1',
        '-sws_flags', 'bilinear+accurate_rnd+full_chroma_int', '-pix_fmt', 'rgb24',
        '-f', 'rawvideo', '-'], { maxBuffer: 1 << 28 });
    if (done.error)
        throw new Error(`ffmpeg: ${done.error.message}`);
    if (done.status !== 0 || done.stdout.length !== width * height * 3)
        throw new Error(`${path}: ffmpeg gave ${done.stdout.length} bytes, expected ` +
            `${width}x${height}x3; ${done.stderr}`);
    return { width, height, data: done.stdout };
}

/* Source positions of bilinear sampling with aligned pixel areas (OpenCV's INTER_LINEAR). */
function taps(from, to) {
    return Array.from({ length: to }, (_, i) => {
        const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
        const low = Math.floor(at);
        return { low, high: Math.min(low + 1, from - 1), part: at - low };
    });
}

/** Bilinear resize to numbers of 0..255; bytes: rounded, as OpenCV's result is. */
export function resize(picture, width, height, bytes) {
    const { data } = picture;
    const columns = taps(picture.width, width);
    const rows = taps(picture.height, height);
    const out = new (bytes ? Uint8ClampedArray : Float32Array)(width * height * 3);
    let k = 0;
    for (const row of rows) {
        const above = row.low * picture.width;
        const below = row.high * picture.width;
        for (const column of columns) {
            for (let c = 0; c < 3; c++) {
                const at = (pixel) => data[pixel * 3 + c];
                const a = at(above + column.low);
                const b = at(above + column.high);
                const d = at(below + column.low);
                const e = at(below + column.high);
                const top = a + (b - a) * column.part;
                const bottom = d + (e - d) * column.part;
                out[k++] = top + (bottom - top) * row.part;
            }
        }
    }
    return { width, height, data: out };
}

/**
 * Fits picture into size x size: {data, scaleX, scaleY, x, y} with network = photo * scale + (x, y).
 * how: 'stretch', or with the aspect kept and the rest pad: 'topleft', 'center'.
 */
export function fit(picture, size, how, pad, bytes) {
    const ratio = Math.min(size / picture.width, size / picture.height);
    const width = how === 'stretch' ? size : Math.floor(picture.width * ratio);
    const height = how === 'stretch' ? size : Math.floor(picture.height * ratio);
    const left = how === 'center' ? (size - width) >> 1 : 0;
    const top = how === 'center' ? (size - height) >> 1 : 0;
    const inner = resize(picture, width, height, bytes);
    const data = new Float32Array(size * size * 3).fill(pad);
    for (let y = 0; y < height; y++)
        data.set(inner.data.subarray(y * width * 3, (y + 1) * width * 3),
            ((y + top) * size + left) * 3);
    return {
        data, x: left, y: top,
        scaleX: width / picture.width,
        scaleY: height / picture.height,
    };
}

/** Bytes R, G, B to float planes: (value - mean) * scale, blue first where bgr. */
export function planes(data, { bgr, mean = [0, 0, 0], scale = [1, 1, 1] }) {
    const n = data.length / 3;
    const out = new Float32Array(data.length);
    for (let c = 0; c < 3; c++)
        for (let i = 0; i < n; i++)
            out[c * n + i] = (data[i * 3 + (bgr ? 2 - c : c)] - mean[c]) * scale[c];
    return out;
}
