/**
 * Dialogs: one question, its fields, and what the answer does.
 * @module
 */
import { safeText } from '../core/format.js'
import { button, fill, h } from './dom.js'
import { fillProblem, noticesPlace } from './notices.js'

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [value]
 * @property {string} [hint]
 * @property {string} [placeholder]
 * @property {readonly { value: string, label: string }[]} [options] Makes it a choice.
 * @property {boolean} [check] Makes it a box to tick.
 * @property {boolean} [required]
 * @property {(value: string) => string | undefined} [fault] What is wrong with a value.
 */

/**
 * Asks, and calls `act` with the values. The dialog stays open, with the refusal, if `act` fails.
 * @param {object} options
 * @param {string} options.title
 * @param {readonly (Node | string)[]} [options.text]
 * @param {readonly Field[]} [options.fields]
 * @param {string} options.action
 * @param {'primary' | 'danger'} [options.kind]
 * @param {(values: Record<string, string>) => Promise<void>} options.act
 */
export function askFor({ title, text = [], fields = [], action, kind = 'primary', act }) {
  const refusal = h('div')
  const inputs = fields.map(inputOf)
  const submit = h('button', { type: 'submit', class: kind }, action)
  const values = () => Object.fromEntries(inputs.map(({ field, read }) => [field.name, read()]))
  const check = () => {
    const given = values()
    submit.disabled = fields.some(({ name, required, fault }) => {
      const value = given[name] ?? ''
      return (required === true && value === '') || fault?.(value) !== undefined
    })
  }

  const onSubmit = async (/** @type {Event} */ event) => {
    event.preventDefault()
    if (submit.disabled) return
    submit.disabled = true
    fill(refusal)
    try {
      await act(values())
      dialog.close()
    } catch (error) {
      fillProblem(refusal, error)
      submit.disabled = false
    }
  }

  const heading = h('h2', { id: `dialog-${++dialogs}` }, title)
  const form = h(
    'form',
    { onsubmit: (/** @type {Event} */ event) => void onSubmit(event), oninput: check },
    heading,
    ...text.map((one) => (typeof one === 'string' ? h('p', null, one) : one)),
    ...inputs.map(({ element }) => element),
    refusal,
    h(
      'div',
      { class: 'actions' },
      button('Cancel', () => dialog.close()),
      submit,
    ),
  )
  const dialog = openDialog(form, heading.id)
  check()
}

/**
 * The field of a text that a person types to confirm. Both the text itself and what is shown of it
 * are right: not all that a name may have can be typed. Spaces around either do not count.
 * @param {string} what What to type.
 * @param {string} text
 * @returns {Field}
 */
export const typedField = (what, text) => ({
  name: 'typed',
  label: `Type ${what}: ${text}`,
  required: text.trim() !== '',
  fault: (given) =>
    given === text.trim() || given === safeText(text).trim() ? undefined : 'not the same',
})

let dialogs = 0

/**
 * A modal dialog around an element. Closing it takes it off the page.
 * @param {HTMLElement} content
 * @param {string} labelledBy
 * @returns {HTMLDialogElement}
 */
function openDialog(content, labelledBy) {
  const dialog = h('dialog', { 'aria-labelledby': labelledBy }, content)
  dialog.addEventListener('close', () => {
    dialog.remove()
    placeNotices()
  })
  document.body.append(dialog)
  dialog.showModal()
  placeNotices()
  const first = dialog.querySelector('input, select')
  if (first instanceof HTMLElement) first.focus()
  return dialog
}

/** Moves the notices into the last dialog: what is beside a modal one is neither read nor reached. */
function placeNotices() {
  const dialogs = [...document.querySelectorAll('dialog')]
  const place = dialogs.at(-1) ?? document.body
  place.append(noticesPlace())
}

/**
 * Shows something that is read once, such as a ticket.
 * @param {string} title
 * @param {...Node} content
 */
export function showOnce(title, ...content) {
  const heading = h('h2', { id: `dialog-${++dialogs}` }, title)
  const close = button('Done', () => dialog.close(), { kind: 'primary' })
  const dialog = openDialog(
    h('div', { class: 'once' }, heading, ...content, h('div', { class: 'actions' }, close)),
    heading.id,
  )
}

/**
 * @param {Field} field
 * @returns {{ field: Field, element: HTMLElement, read: () => string }}
 */
function inputOf(field) {
  const { name, label, value = '', hint, placeholder, options, check, required } = field
  const id = `field-${++dialogs}`
  if (check === true) {
    const box = h('input', { type: 'checkbox', id, name, checked: value === '1' })
    const element = h('label', { class: 'check', for: id }, box, h('span', null, label))
    return { field, element, read: () => (box.checked ? '1' : '') }
  }
  const described = hint === undefined ? undefined : `${id}-hint`
  const attributes = { id, name, required, 'aria-describedby': described }
  const input =
    options === undefined
      ? h('input', {
          ...attributes,
          type: 'text',
          placeholder,
          autocomplete: 'off',
          spellcheck: 'false',
        })
      : h(
          'select',
          attributes,
          ...options.map((one) => h('option', { value: one.value }, one.label)),
        )
  input.value = value
  const element = h(
    'div',
    { class: 'field' },
    h('label', { for: id }, label),
    input,
    hint !== undefined && h('p', { class: 'hint', id: described }, hint),
  )
  return { field, element, read: () => input.value.trim() }
}
