/**
 * Uploads and downloads of this page: a few at a time, with progress, until they are dismissed.
 * @module
 */
import { formatSize } from '../core/format.js'
import { button, fill, h, icon, mark, setAttribute, setBar, setText } from './dom.js'
import { onFrame } from './frame.js'
import { isAbort, problemText } from './notices.js'

/** How many have begun and are not done. */
const SIDE_BY_SIDE = 2
/** Those that have ended and are still shown; what failed stays until it is dismissed. */
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
 * @property {HTMLElement} line
 * @property {() => void} draw
 */

/** @type {Task[]} */
const tasks = []
const list = h('ul', { class: 'uploads' })
const place = h(
  'section',
  { class: 'panel', 'aria-label': 'Uploads and downloads', hidden: true },
  list,
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
  build(task)
  list.append(task.line)
  place.hidden = false
  next()
}

function next() {
  const free = SIDE_BY_SIDE - tasks.filter(({ state }) => state === 'moving').length
  for (const task of tasks.filter(({ state }) => state === 'waiting').slice(0, free)) void run(task)
}

/** @param {Task} task */
async function run(task) {
  task.state = 'moving'
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
  for (const task of left) cancel(task)
  return left.length
}

/** @param {Task} task */
function forget(task) {
  tasks.splice(tasks.indexOf(task), 1)
  const hadFocus = task.line.contains(document.activeElement)
  const near = task.line.nextElementSibling ?? task.line.previousElementSibling
  task.line.remove()
  place.hidden = tasks.length === 0
  if (!hadFocus) return
  const next = near?.querySelector('button') ?? document.querySelector('main h1')
  if (next instanceof HTMLElement) next.focus()
}

function forgetOldest() {
  const ended = tasks.filter(({ state }) => state === 'done' || state === 'cancelled')
  for (const task of ended.slice(0, Math.max(0, ended.length - MOST_ENDED))) forget(task)
}

addEventListener('beforeunload', (event) => {
  if (tasks.some(({ state }) => state === 'moving' || state === 'waiting')) event.preventDefault()
})
