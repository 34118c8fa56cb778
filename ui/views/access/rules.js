/**
 * Rules: what is removed by itself, by age, use, number or size.
 * @module
 */
import { call } from '../../api/client.js'
import { partOf } from '../../api/paths.js'
import { may } from '../../api/session.js'
import {
  formatCount,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../core/format.js'
import { ago } from '../../parts/ages.js'
import { askFor } from '../../parts/dialog.js'
import { button, h, mark } from '../../parts/dom.js'
import { say } from '../../parts/notices.js'
import { createSection } from './section.js'

/** @typedef {import('../../core/documents.js').Rule} Rule */

/** @returns {ReturnType<typeof createSection<Rule>>} */
export function rules() {
  /** @type {ReturnType<typeof createSection<Rule>>} */
  const section = createSection({
    path: '/v1/rules',
    title: 'Rules',
    what: 'What a rule bounds is removed by itself, the longest unused first.',
    actions: [
      may('PUT /v1/rules/{prefix}')
        ? button('New rule…', () => edit(undefined, section.reload), {
            icon: 'plus',
            kind: 'primary',
          })
        : undefined,
      may('PUT /v1/unnamed-rule')
        ? button('For values without a name…', () => editUnnamed(undefined, section.reload))
        : undefined,
    ],
    table: (reload) => ({
      keyOf: ({ prefix }) => prefix ?? '\0',
      empty: 'No rule: nothing is removed by itself.',
      columns: [
        { label: 'names', cell: (rule) => h('strong', null, subjectOf(rule)) },
        { label: 'bounds', cell: (rule) => boundsOf(rule).map((one) => h('div', null, one)) },
        {
          label: 'holds',
          class: 'number wide',
          cell: ({ names, size, counting }) => [
            h('div', null, `${formatCount(names)}, ${formatSize(size)}`),
            counting && mark('idle', 'still counting'),
          ],
        },
        {
          label: 'removed',
          class: 'number wide',
          cell: ({ removed, lastRemovedAt }) => [
            h('div', null, formatCount(removed)),
            lastRemovedAt !== undefined && h('small', null, ago(lastRemovedAt)),
          ],
        },
        {
          label: 'actions',
          hideLabel: true,
          class: 'tools',
          cell: (rule) =>
            may(rule.prefix === undefined ? 'PUT /v1/unnamed-rule' : 'PUT /v1/rules/{prefix}')
              ? [
                  button(
                    'Change…',
                    () => (rule.prefix === undefined ? editUnnamed : edit)(rule, reload),
                    { kind: 'quiet', label: `Change the rule of ${subjectOf(rule)}` },
                  ),
                  button('Remove…', () => drop(rule, reload), {
                    kind: 'quiet',
                    label: `Remove the rule of ${subjectOf(rule)}`,
                  }),
                ]
              : '',
        },
      ],
    }),
  })
  return section
}

/** @param {Rule} rule */
const subjectOf = ({ prefix }) =>
  prefix === undefined ? 'without a name' : prefix === '' ? 'all names' : prefix

/**
 * @param {Rule} rule
 * @returns {string[]}
 */
function boundsOf({ maxSize, maxNames, maxAgeMs, unusedMs }) {
  return [
    maxSize === undefined ? '' : `at most ${formatSize(maxSize)}`,
    maxNames === undefined ? '' : `at most ${formatCount(maxNames)} names`,
    maxAgeMs === undefined ? '' : `for ${formatDuration(maxAgeMs)}`,
    unusedMs === undefined ? '' : `until unused for ${formatDuration(unusedMs)}`,
  ].filter(Boolean)
}

/** @param {string} text */
const timeFault = (text) =>
  text === '' || parseDuration(text) !== undefined ? undefined : 'no time'
/** @param {number | undefined} ms */
const timeText = (ms) => (ms === undefined ? '' : formatDuration(ms))

/**
 * @param {Rule | undefined} rule
 * @param {() => void} reload
 */
function edit(rule, reload) {
  askFor({
    title: rule === undefined ? 'New rule' : `Rule of ${subjectOf(rule)}`,
    text: ['At least one bound. What is beyond it is removed, on every machine.'],
    fields: [
      ...(rule === undefined
        ? [
            {
              name: 'prefix',
              label: 'Names that begin with',
              placeholder: 'all names',
              hint: 'Such as ci/.',
            },
          ]
        : []),
      {
        name: 'size',
        label: 'Bytes at most',
        value: rule?.maxSize === undefined ? '' : String(rule.maxSize),
        placeholder: '10GiB',
        fault: (/** @type {string} */ text) =>
          text === '' || (parseSize(text) ?? 0) > 0 ? undefined : 'no size',
      },
      {
        name: 'names',
        label: 'Names at most',
        value: rule?.maxNames?.toString() ?? '',
        fault: (/** @type {string} */ text) =>
          /^([1-9]\d{0,14})?$/.test(text) ? undefined : 'no number',
      },
      {
        name: 'age',
        label: 'Remove after',
        value: timeText(rule?.maxAgeMs),
        placeholder: '30d',
        fault: timeFault,
      },
      {
        name: 'unused',
        label: 'Remove if unused for',
        value: timeText(rule?.unusedMs),
        placeholder: '7d',
        fault: timeFault,
      },
    ],
    action: 'Set',
    act: async ({ prefix = rule?.prefix ?? '', size = '', names = '', age = '', unused = '' }) => {
      const json = {
        maxSize: parseSize(size === '' ? '-' : size),
        maxNames: names === '' ? undefined : Number(names),
        maxAgeMs: parseDuration(age),
        unusedMs: parseDuration(unused),
      }
      await call('PUT', `/v1/rules/${partOf(prefix)}`, { json })
      say('The rule is set')
      reload()
    },
  })
}

/**
 * @param {Rule | undefined} rule
 * @param {() => void} reload
 */
function editUnnamed(rule, reload) {
  askFor({
    title: 'Rule for values without a name',
    fields: [
      {
        name: 'unused',
        label: 'Remove if unused for',
        value: timeText(rule?.unusedMs),
        placeholder: '7d',
        required: true,
        fault: timeFault,
      },
    ],
    action: 'Set',
    act: async ({ unused = '' }) => {
      await call('PUT', '/v1/unnamed-rule', { json: { unusedMs: parseDuration(unused) } })
      say('The rule is set')
      reload()
    },
  })
}

/**
 * @param {Rule} rule
 * @param {() => void} reload
 */
function drop(rule, reload) {
  const { prefix } = rule
  askFor({
    title: `Remove the rule of ${subjectOf(rule)}?`,
    text: ['The names and their values stay.'],
    action: 'Remove',
    kind: 'danger',
    act: async () => {
      const path = prefix === undefined ? '/v1/unnamed-rule' : `/v1/rules/${partOf(prefix)}`
      await call('DELETE', path)
      say('The rule is removed')
      reload()
    },
  })
}
