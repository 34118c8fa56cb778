/**
 * What a path in a directory leads to: the entries of a directory, a file, or a link.
 * @module
 */
import { call, head, list } from '../../api/client.js'
import { treePath } from '../../api/paths.js'
import { may } from '../../api/session.js'
import { formatCount, formatSize, plural } from '../../core/format.js'
import { formatRoute } from '../../core/routes.js'
import { keyText, link } from '../../parts/copy.js'
import { fill, h, mark } from '../../parts/dom.js'
import { card, createFacts } from '../../parts/facts.js'
import { fillProblem } from '../../parts/notices.js'
import { createPreview } from '../../parts/preview.js'
import { PAGE_ROWS, createTable } from '../../parts/table.js'
import { downloadButton } from './download-button.js'

/** @typedef {import('../../core/documents.js').EntryLine} EntryLine */

/** Entries that are looked at: a page further behind would read all before it again. */
const MOST_ENTRIES = 100_000

/**
 * @param {string} word The key or name of the directory.
 * @param {readonly string[]} below
 * @param {number} page
 */
export function entry(word, below, page) {
  const place = h('div', null, h('p', { class: 'empty' }, 'Reading…'))
  const reading = new AbortController()
  const closing = [() => reading.abort()]

  const read = async () => {
    try {
      const headers = await head(treePath(word, below), { signal: reading.signal })
      const is = headers.get('dstore-entry')
      if (is === 'directory') {
        const entries = createEntries(word, below, page)
        closing.push(() => entries.close())
        fill(place, card('Directory', entries.element))
      } else if (is === 'link') {
        const response = await call('GET', treePath(word, below), { signal: reading.signal })
        fill(
          place,
          card(
            'Symbolic link',
            h('p', null, 'It leads to ', h('code', null, await response.text())),
          ),
        )
      } else showFile(headers, is === 'executable')
    } catch (error) {
      fillProblem(place, error)
    }
  }

  /**
   * @param {Headers} headers
   * @param {boolean} isExecutable
   */
  const showFile = (headers, isExecutable) => {
    const size = Number(headers.get('dstore-size') ?? 0)
    const key = headers.get('dstore-key')
    const name = below.at(-1) ?? word
    const facts = createFacts()
    facts.update([
      ['size', formatSize(size)],
      ['bytes', formatCount(size)],
      ['kind', isExecutable ? 'an executable file' : 'a file'],
      ['key', key === null ? undefined : keyText(key)],
    ])
    const path = treePath(word, below)
    const preview = createPreview(path, size, name)
    closing.push(() => preview.close())
    const actions = h(
      'div',
      { class: 'actions' },
      downloadButton(path, name, size),
      key !== null &&
        may('GET /v1/values/{key}/facts') &&
        link(formatRoute('values', [key]), 'Facts of its key'),
    )
    fill(place, card(name, facts.element, actions, preview.element))
  }

  void read()
  return {
    element: h('div', null, pathOf(word, below), place),
    reload: () => void read(),
    close: () => {
      for (const one of closing) one()
    },
  }
}

/**
 * The way to an entry, as links.
 * @param {string} word
 * @param {readonly string[]} [below]
 */
export function pathOf(word, below = []) {
  const parts = [word, ...below]
  return h(
    'nav',
    { class: 'path', 'aria-label': 'Path' },
    h(
      'ol',
      { class: 'crumbs' },
      h('li', null, link(formatRoute('values', [], levelQuery(word)), 'all names')),
      ...parts.map((part, index) =>
        h(
          'li',
          null,
          index === parts.length - 1
            ? h('span', { 'aria-current': 'page' }, part)
            : link(formatRoute('values', parts.slice(0, index + 1)), part),
        ),
      ),
    ),
  )
}

/** @param {string} word */
const levelQuery = (word) => ({ prefix: word.slice(0, word.lastIndexOf('/') + 1), find: '' })

/**
 * A page of the entries of a directory.
 * @param {string} word
 * @param {readonly string[]} below
 * @param {number} page
 */
export function createEntries(word, below, page) {
  const place = h('div', null, h('p', { class: 'empty' }, 'Reading…'))
  const reading = new AbortController()
  /** @type {ReturnType<typeof createTable<EntryLine>>} */
  const table = createTable({
    caption: 'Entries of the directory',
    keyOf: ({ name }) => name,
    empty: 'The directory is empty.',
    columns: [
      {
        label: 'entry',
        cell: ({ name, type, to, exec }) => [
          type === 'link'
            ? h('span', null, name)
            : link(
                formatRoute('values', [word, ...below, name]),
                name,
                type === 'directory' ? 'folder' : 'file',
              ),
          to !== undefined && h('small', null, `leads to ${to}`),
          exec === true && h('small', null, 'executable'),
        ],
      },
      {
        label: 'size',
        class: 'number',
        cell: ({ size }) => (size === undefined ? '' : formatSize(size)),
      },
      {
        label: 'holds',
        class: 'wide',
        cell: ({ type, files }) => (files === undefined ? type : plural(files, 'file')),
      },
      { label: 'key', class: 'wider', cell: ({ key }) => key && keyText(key) },
    ],
  })

  const read = async () => {
    try {
      const skip = Math.min(MOST_ENTRIES, page * PAGE_ROWS)
      const { lines, isWhole } = await list(treePath(word, below), {
        skip,
        limit: PAGE_ROWS,
        signal: reading.signal,
      })
      if (skip > 0) table.setEmpty('The directory has no more entries.')
      table.update(/** @type {EntryLine[]} */ (lines))
      const to = (/** @type {number} */ next) =>
        formatRoute('values', [word, ...below], { page: next === 0 ? '' : String(next) })
      const pager = h(
        'div',
        { class: 'pager', hidden: page === 0 && isWhole },
        h(
          'span',
          { class: 'where' },
          lines.length === 0
            ? ''
            : `${formatCount(skip + 1)} to ${formatCount(skip + lines.length)}`,
        ),
        page > 0 && link(to(page - 1), 'Previous page'),
        !isWhole && skip < MOST_ENTRIES && link(to(page + 1), 'Next page'),
        skip >= MOST_ENTRIES && mark('warn', 'The rest is shown by `dstore ls`'),
      )
      fill(place, table.element, pager)
    } catch (error) {
      fillProblem(place, error)
    }
  }
  void read()
  return { element: place, close: () => reading.abort() }
}
