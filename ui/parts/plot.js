/**
 * Plots over the last ten minutes, drawn by uPlot, which is loaded when there is something to draw,
 * and the words beside it are shown.
 * @module
 */
import { formatClock } from '../core/format.js'
import { h } from './dom.js'
import { offFrame, onFrame } from './frame.js'

const SHOWN_SECONDS = 600
const HEIGHT = 150
const LIBRARY = 'vendor/uplot.js'

/** @type {Promise<any> | undefined} */
let library

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} color The name of a custom property, such as `--plot-1`.
 * @property {boolean} [fill]
 */

/**
 * A plot of some series. Words beside it say what it shows now: the picture is hidden from screen
 * readers.
 * @param {object} options
 * @param {readonly Series[]} options.series
 * @param {(value: number | null | undefined) => string} options.format
 * @param {boolean} [options.isBinary] Steps of the axis are powers of two.
 * @param {number} [options.most] The upper end of the axis.
 */
export function createPlot({ series, format, isBinary = false, most }) {
  const element = h('div', { class: 'plot', 'aria-hidden': 'true' })
  /** @type {any} */
  let plot
  /** @type {any} The constructor. */
  let UPlot
  let isWanted = false
  /** @type {(number | null)[][]} */
  let data = [[], ...series.map(() => [])]
  let isClosed = false

  const draw = () => {
    if (plot === undefined || element.clientWidth === 0) return
    if (plot.width !== element.clientWidth) {
      plot.setSize({ width: element.clientWidth, height: HEIGHT })
    }
    plot.setData(data)
    // Away from the pointer the legend tells the newest values.
    const last = (data[0]?.length ?? 0) - 1
    if (last >= 0 && plot.cursor.left < 0) plot.setLegend({ idx: last })
  }
  const load = async () => {
    try {
      // By the document: this module may be a file of its own, or a part of one.
      library ??= import(new URL(LIBRARY, document.baseURI).href)
      UPlot = (await library).default
    } catch {
      // The daemon is away, as the page says; the next figures try again.
      library = undefined
      isWanted = false
      return
    }
    // One plot after another, as far as a frame has time.
    onFrame(build)
  }
  const build = () => {
    if (isClosed || UPlot === undefined) return
    plot?.destroy()
    plot = new UPlot(optionsOf(), data, element)
    onFrame(draw)
  }
  const optionsOf = () => {
    // A canvas knows neither custom properties nor `light-dark()`: the element resolves them.
    const color = (/** @type {string} */ name) => {
      element.style.color = `var(${name})`
      return getComputedStyle(element).color
    }
    const axis = {
      stroke: color('--plot-text'),
      font: '11px system-ui, sans-serif',
      grid: { stroke: color('--plot-grid'), width: 1 },
      ticks: { show: false },
    }
    return {
      width: Math.max(100, element.clientWidth),
      height: HEIGHT,
      padding: [8, 4, 0, 0],
      cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
      legend: { show: true, live: true },
      scales: {
        x: { time: true, range: rangeOfTime },
        y: {
          range: (/** @type {any} */ _, /** @type {any} */ __, /** @type {number} */ to) => [
            0,
            most ?? Math.max(1, to * 1.1),
          ],
        },
      },
      axes: [
        {
          ...axis,
          size: 24,
          space: 70,
          values: (/** @type {any} */ _, /** @type {number[]} */ at) =>
            at.map((one) => formatClock(one * 1000, false)),
        },
        {
          ...axis,
          size: 62,
          space: 34,
          values: (/** @type {any} */ _, /** @type {number[]} */ at) =>
            at.map((one) => format(one)),
          ...(isBinary && { incrs: BINARY_STEPS }),
        },
      ],
      series: [
        {
          label: 'at',
          // Without samples there is none.
          value: (/** @type {any} */ _, /** @type {number | null | undefined} */ at) =>
            typeof at === 'number' ? formatClock(at * 1000, true) : '',
        },
        ...series.map(({ label, color: name, fill = false }) => ({
          label,
          stroke: color(name),
          width: 1.5,
          ...(fill && { fill: color(`${name}-fill`) }),
          points: { show: false },
          value: (/** @type {any} */ _, /** @type {number | null} */ value) => format(value),
        })),
      ],
    }
  }

  const resized = new ResizeObserver(() => onFrame(draw))
  resized.observe(element)
  const leaveTheme = onTheme(build)

  return {
    element,
    /** @param {(number | null)[][]} columns Seconds since 1970, then a column for each series. */
    update(columns) {
      data = columns
      onFrame(draw)
      if (isWanted || columns[0]?.length === 0) return
      isWanted = true
      // Not before the next frame is painted: it has the words.
      requestAnimationFrame(() => setTimeout(() => void load()))
    },
    close() {
      isClosed = true
      resized.disconnect()
      leaveTheme()
      offFrame(draw)
      offFrame(build)
      plot?.destroy()
    },
  }
}

/** Steps that sizes are counted in: 1, 2, 4 ... */
const BINARY_STEPS = Array.from({ length: 50 }, (_, power) => 2 ** power)

/**
 * The last ten minutes, whatever there is of them.
 * @param {unknown} _
 * @param {number | null} __
 * @param {number | null} to
 * @returns {[number, number]}
 */
const rangeOfTime = (_, __, to) => {
  const end = to ?? Date.now() / 1000
  return [end - SHOWN_SECONDS, end]
}

/**
 * Calls `act` when the colours change.
 * @param {() => void} act
 * @returns {() => void}
 */
function onTheme(act) {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const observer = new MutationObserver(act)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  dark.addEventListener('change', act)
  return () => {
    observer.disconnect()
    dark.removeEventListener('change', act)
  }
}
