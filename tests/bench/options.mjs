// SPDX-License-Identifier: LGPL-2.1-or-later

/* What the two comparisons share: arguments, where things lie, running fovea. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const shared = {
    ort: { type: 'string', default: process.env.FOVEA_BENCH_ORT },
    fovea: { type: 'string', default: process.env.FOVEA_BENCH_FOVEA ?? 'fovea' },
    data: { type: 'string', default: process.env.FOVEA_TEST_DATA },
    tfjs: { type: 'string', default: process.env.FOVEA_BENCH_TFJS },
    models: { type: 'string' },
    devices: { type: 'string' },
    threads: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
};

/** Exit code of a test that could not run for want of something (meson). */
const SKIPPED = 77;

/** Parsed options, or the process ends with usage's text. */
export function readOptions(usage, own) {
    let options;
    try {
        options = parseArgs({ options: { ...shared, ...own } }).values;
    } catch (error) {
        console.error(`${error.message}\n\n${usage}`);
        process.exit(2);
    }
    if (options.help) {
        console.log(usage);
        process.exit(0);
    }
    for (const [name, what] of [['ort', 'FOVEA_BENCH_ORT'], ['data', 'FOVEA_TEST_DATA']]) {
        if (options[name] && fs.existsSync(options[name]))
            continue;
        console.error(`skipped: --${name} (or ${what}) names no folder\n\n${usage}`);
        process.exit(SKIPPED);
    }
    options.threads = wholeNumber(options.threads, '--threads');
    return options;
}

export function wholeNumber(text, name) {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1) {
        console.error(`${name} is '${text}', expected a whole number from 1 on`);
        process.exit(2);
    }
    return value;
}

/** Entries of table whose name is in the comma-separated list; all without a list. */
export function choose(table, list, what) {
    const names = list?.split(',');
    for (const name of names ?? [])
        if (!table.some((entry) => entry.name === name)) {
            const known = table.map((entry) => entry.name).join(', ');
            console.error(`${what} '${name}' is not known, expected some of ${known}`);
            process.exit(2);
        }
    return table.filter((entry) => !names || names.includes(entry.name));
}

/** What to write to --device for 'cpu' and 'vulkan' so that both use that many threads. */
export function deviceSpec(device, threads) {
    return device === 'cpu' ? `cpu:${threads}` : device;
}

/** Standard output of fovea with these arguments; throws its message. */
export function fovea(options, args) {
    const env = { ...process.env, LP_NUM_THREADS: String(options.threads) };
    const done = spawnSync(options.fovea, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (done.error)
        throw new Error(`${options.fovea}: ${done.error.message}`);
    if (done.status !== 0)
        throw new Error(`fovea ${args.join(' ')}: ${done.stderr.trim() || `exit ${done.status}`}`);
    return done.stdout;
}

export function modelPath(options, model) {
    if (!model.tfjs)
        return path.join(options.data, 'models/detect', model.file);
    return options.tfjs && path.join(options.tfjs, 'model.json');
}

export function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Lines of a markdown table; rows of strings, the first column to the left. */
export function markdown(header, rows) {
    const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)));
    const line = (row) => `| ${row.map((cell, i) =>
        i ? cell.padStart(widths[i]) : cell.padEnd(widths[i])).join(' | ')} |`;
    const rule = widths.map((width, i) => (i ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
    return [line(header), line(rule), ...rows.map(line)].join('\n');
}
