/**
 * The rates of the last ten minutes, as plots and in words.
 * @module
 */
import { formatLatency, formatRate, formatShare } from '../../core/format.js'
import { sumOf } from '../../core/state.js'
import { h, setText } from '../../parts/dom.js'
import { createPlot } from '../../parts/plot.js'
import { state } from '../../parts/store.js'

/** Rates in words are of the last ten seconds. */
const NOW_MS = 10_000

/**
 * @typedef {import('../../core/documents.js').Sample} Sample
 *
 * @typedef {object} Chart
 * @property {string} title
 * @property {readonly import('../../parts/plot.js').Series[]} series
 * @property {readonly ((sample: Sample, seconds: number) => number | null)[]} columns
 * @property {(value: number | null | undefined) => string} format
 * @property {() => string} now
 * @property {boolean} [isBinary]
 * @property {number} [most]
 */

/** @param {number | null | undefined} value */
const rate = (value) => (value === null || value === undefined ? '–' : formatRate(value))
/** @param {number | null | undefined} value */
const perSecond = (value) =>
  value === null || value === undefined ? '–' : `${Number(value.toFixed(1))}/s`
/** @param {number | null | undefined} value */
const percent = (value) => (value === null || value === undefined ? '–' : `${Math.round(value)}%`)

/** @param {(sample: Sample) => number} field */
const recent = (field) => sumOf(state.samples, field, NOW_MS)
/** @param {(sample: Sample) => number} field */
const recentRate = (field) => (recent(field) * 1000) / NOW_MS

/** @type {readonly Chart[]} */
const CHARTS = [
  {
    title: 'Bytes',
    series: [
      { label: 'to callers', color: '--plot-1', fill: true },
      { label: 'from callers', color: '--plot-2' },
      { label: 'to peers', color: '--plot-3' },
      { label: 'from peers', color: '--plot-4' },
    ],
    columns: [
      ({ bytesOut }, seconds) => bytesOut / seconds,
      ({ bytesIn }, seconds) => bytesIn / seconds,
      ({ peerOut }, seconds) => peerOut / seconds,
      ({ peerIn }, seconds) => peerIn / seconds,
    ],
    format: rate,
    isBinary: true,
    now: () =>
      `${rate(recentRate((one) => one.bytesOut))} out, ${rate(recentRate((one) => one.bytesIn))} in`,
  },
  {
    title: 'Requests',
    series: [
      { label: 'answered', color: '--plot-1', fill: true },
      { label: 'refused', color: '--plot-2' },
      { label: 'failed', color: '--plot-bad' },
    ],
    columns: [
      ({ ok }, seconds) => ok / seconds,
      ({ refused }, seconds) => refused / seconds,
      ({ failed }, seconds) => failed / seconds,
    ],
    format: perSecond,
    now: () => perSecond(recentRate(({ ok, refused, failed }) => ok + refused + failed)),
  },
  {
    title: 'Hit ratio',
    series: [{ label: 'reads from memory', color: '--plot-1', fill: true }],
    columns: [({ hits, misses }) => (hits + misses === 0 ? null : (100 * hits) / (hits + misses))],
    format: percent,
    most: 100,
    now: () => {
      const hits = recent((one) => one.hits)
      return formatShare(hits, hits + recent((one) => one.misses))
    },
  },
  {
    title: 'Latency',
    series: [
      { label: 'p50', color: '--plot-1', fill: true },
      { label: 'p99', color: '--plot-2' },
    ],
    columns: [({ p50 }) => p50, ({ p99 }) => p99],
    format: formatLatency,
    now: () => {
      const last = state.samples.findLast(({ p50 }) => p50 !== null)
      return last === undefined ? '–' : `${formatLatency(last.p50)}, p99 ${formatLatency(last.p99)}`
    },
  },
]

/** The four plots, each with its figures now in words. */
export function createRates() {
  const charts = CHARTS.map(({ title, series, columns, format, isBinary, most, now }) => {
    const plot = createPlot({
      series,
      format,
      ...(isBinary !== undefined && { isBinary }),
      ...(most !== undefined && { most }),
    })
    const figure = h('p', { class: 'figure' }, '–')
    const element = h(
      'section',
      { class: 'card chart' },
      h('h2', null, title),
      figure,
      plot.element,
    )
    const update = () => {
      setText(figure, now())
      const seconds = state.intervalMs / 1000
      plot.update([
        state.samples.map(({ at }) => at / 1000),
        ...columns.map((column) => state.samples.map((sample) => column(sample, seconds))),
      ])
    }
    return { element, update, close: () => plot.close() }
  })
  return {
    element: h('div', { class: 'charts' }, ...charts.map(({ element }) => element)),
    update: () => {
      for (const chart of charts) chart.update()
    },
    close: () => {
      for (const chart of charts) chart.close()
    },
  }
}
