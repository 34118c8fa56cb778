/**
 * Uploads and downloads of this page: a few at a time, with progress, until they are dismissed.
 * @module
 */
import { formatCount, formatSize } from '../core/format.js'
import { button, fill, h, icon, mark, setAttribute, setBar, setText } from './dom.js'
import { onFrame } from './frame.js'
import { isAbort, problemText } from './notices.js'

/** How many have begun and are not done. */
const SIDE_BY_SIDE = 2
/** Lines of those that wait; the others are counted. */
const MOST_WAITING = 20
/** Those that have ended and are still shown, and those that have failed. */
const MOST_ENDED = 100

/** @typedef {import('../api/upload.js').Watch} Watch */

/**
 * @typedef {object} Task
 * @property {'up' | 'down'} direction
 * @property {string} label
 * @property {number} size
 * @property {(watch: Watch) => Promise<Node | string>} run Gives what is said in the end.
 * @property {AbortController} stopping
 * @property {number} done
 * @property {'waiting' | 'moving' | 'done' | 'failed' | 'cancelled'} state
 * @property {HTMLElement} line In the list once it is one of the first that wait.
 * @property {() => void} draw
 */

/** @type {Task[]} */
let tasks = []
let moving = 0
/** Tasks that failed and are not shown any more. */
let failedBefore = 0
const restWords = h('span')
const restStop = button('Cancel those that wait', cancelWaiting, { kind: 'quiet' })
const rest = h('div', { class: 'uploads-rest', hidden: true }, restWords, restStop)
const list = h('ul', { class: 'uploads' })
const place = h(
  'section',
  { class: 'panel', 'aria-label': 'Uploads and downloads', hidden: true },
  list,
  rest,
)
const spoken = h('p', { class: 'hidden', role: 'status' })
place.append(spoken)

/** Where they are shown. It is one element, which moves from view to view. */
export const activityPlace = () => place

/**
 * Begins an upload or a download once others let it.
 * @param {Pick<Task, 'direction' | 'label' | 'size' | 'run'>} options
 */
export function begin(options) {
  /** @type {Task} */
  const task = {
    ...options,
    stopping: new AbortController(),
    done: 0,
    state: 'waiting',
    line: h('li'),
    draw: () => undefined,
  }
  tasks.push(task)
  place.hidden = false
  next()
}

function next() {
  while (moving < SIDE_BY_SIDE) {
    const task = tasks.find(({ state }) => state === 'waiting')
    if (task === undefined) break
    void run(task)
  }
  onFrame(drawRest)
}

/** Shows the first of those that wait, and counts what is not shown. */
function drawRest() {
  const waiting = tasks.filter(({ state }) => state === 'waiting')
  for (const task of waiting.slice(0, MOST_WAITING)) show(task)
  const unseen = waiting.filter(({ line }) => line.parentElement === null).length
  const texts = [
    unseen === 0 ? '' : `${formatCount(unseen)} more wait`,
    failedBefore === 0 ? '' : `${formatCount(failedBefore)} more failed`,
  ]
  setText(restWords, texts.filter(Boolean).join(', '))
  restStop.hidden = unseen === 0
  rest.hidden = restWords.textContent === ''
}

/** @param {Task} task */
function show(task) {
  if (task.line.parentElement !== null) return
  build(task)
  list.append(task.line)
}

/** @param {Task} task */
async function run(task) {
  task.state = 'moving'
  moving++
  show(task)
  onFrame(task.draw)
  try {
    const said = await task.run({
      signal: task.stopping.signal,
      onProgress: (bytes) => {
        task.done = bytes
        onFrame(task.draw)
      },
    })
    task.state = 'done'
    task.done = task.size
    finish(task, said)
    setText(spoken, `${task.label}: done`)
  } catch (error) {
    task.state = isAbort(error) ? 'cancelled' : 'failed'
    finish(task, task.state === 'failed' ? problemText(error) : 'cancelled')
    setText(spoken, `${task.label}: ${task.state}`)
  }
  moving--
  forgetOldest()
  next()
}

/** @param {Task} task */
function build(task) {
  const words = h('span', { class: 'muted' })
  const bar = h('div', { class: 'bar' })
  const track = h(
    'div',
    {
      class: 'track',
      role: 'progressbar',
      'aria-label': task.label,
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    },
    bar,
  )
  const stop = button('Cancel', () => cancel(task), {
    kind: 'quiet',
    label: `Cancel ${task.label}`,
  })
  fill(
    task.line,
    h('div', null, icon(task.direction), ' ', h('strong', null, task.label), ' ', words),
    stop,
    track,
  )
  task.draw = () => {
    if (task.state !== 'waiting' && task.state !== 'moving') return
    const share = task.size === 0 ? 0 : Math.min(1, task.done / task.size)
    setBar(bar, share)
    setAttribute(track, 'aria-valuenow', Math.round(100 * share))
    const text = `${formatSize(task.done)} of ${formatSize(task.size)}`
    setText(words, task.state === 'waiting' ? 'waits' : text)
  }
  task.draw()
}

/**
 * @param {Task} task
 * @param {Node | string} said
 */
function finish(task, said) {
  const level = task.state === 'done' ? 'good' : task.state === 'failed' ? 'bad' : 'idle'
  const dismiss = button('', () => forget(task), {
    icon: 'away',
    kind: 'quiet',
    label: `Dismiss ${task.label}`,
  })
  const isProblem = task.state === 'failed'
  const hadFocus = task.line.contains(document.activeElement)
  fill(
    task.line,
    h(
      'div',
      null,
      mark(level, task.state),
      ' ',
      h('strong', null, task.label),
      ' ',
      !isProblem && said,
    ),
    dismiss,
    isProblem && said,
  )
  if (hadFocus) dismiss.focus()
}

/** @param {Task} task */
function cancel(task) {
  task.stopping.abort()
  if (task.state !== 'waiting') return
  task.state = 'cancelled'
  finish(task, '')
}

/**
 * Cancels all that has not ended, and says how many there were.
 * @returns {number}
 */
export function cancelAll() {
  const left = tasks.filter(({ state }) => state === 'moving' || state === 'waiting')
  cancelWaiting()
  for (const task of tasks) cancel(task)
  return left.length
}

/** Those that are not shown are forgotten. */
function cancelWaiting() {
  tasks = tasks.filter(({ state, line }) => state !== 'waiting' || line.parentElement !== null)
  for (const task of tasks) if (task.state === 'waiting') cancel(task)
  drawRest()
}

/** @param {Task} task */
function forget(task) {
  tasks.splice(tasks.indexOf(task), 1)
  const hadFocus = task.line.contains(document.activeElement)
  const near = task.line.nextElementSibling ?? task.line.previousElementSibling
  task.line.remove()
  if (tasks.length === 0) failedBefore = 0
  place.hidden = tasks.length === 0
  onFrame(drawRest)
  if (!hadFocus) return
  const next = near?.querySelector('button') ?? document.querySelector('main h1')
  if (next instanceof HTMLElement) next.focus()
}

function forgetOldest() {
  const ended = tasks.filter(({ state }) => state === 'done' || state === 'cancelled')
  for (const task of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) forget(task)
  const failed = tasks.filter(({ state }) => state === 'failed')
  for (const task of failed.slice(0, Math.max(0, failed.length - MOST_ENDED))) {
    forget(task)
    failedBefore++
  }
}

addEventListener('beforeunload', (event) => {
  if (tasks.some(({ state }) => state === 'moving' || state === 'waiting')) event.preventDefault()
})
