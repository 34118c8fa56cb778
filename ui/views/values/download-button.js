/**
 * The button that downloads a value, and what it does.
 * @module
 */
import { BLOB_BYTES, canStream, chooseDownload } from '../../api/download.js'
import { formatSize } from '../../core/format.js'
import { begin } from '../../parts/activity.js'
import { button } from '../../parts/dom.js'
import { complain } from '../../parts/notices.js'

/**
 * @param {string} path
 * @param {string} name
 * @param {number} size
 */
export function downloadButton(path, name, size) {
  const file = name.split('/').findLast((part) => part !== '') ?? 'value'
  const choose = async () => {
    try {
      const run = await chooseDownload(path, file, size)
      if (run === undefined) return
      begin({
        direction: 'down',
        label: file,
        size,
        run: async (watch) => {
          await run(watch)
          return 'saved'
        },
      })
    } catch (error) {
      complain(error)
    }
  }
  const how = canStream()
    ? 'Writes to a file that you choose, as it comes'
    : `The browser holds it until it is saved: at most ${formatSize(BLOB_BYTES)}`
  return button('Download', () => void choose(), { icon: 'down', kind: 'primary', title: how })
}
