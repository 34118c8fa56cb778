/** The file of a state directory that has its pins. */
import { PINS_FILE_BYTES } from '../../limits.ts'
import type { Log } from '../../log.ts'
import { readText, replaceText, setAside } from '../../store/file/text-file.ts'
import type { PinsOptions } from './pins.ts'
import { decodePins, encodePins, type SavedPin } from './saved-pins.ts'

/**
 * What the file has, and what writes it. A file that cannot be read gets another name, so that the
 * next pin does not overwrite it. Error: `unwritable`, where it cannot get one.
 */
export async function openPins(
  path: string,
  log: Log,
): Promise<Required<Pick<PinsOptions, 'saved' | 'save'>>> {
  const save = (pins: readonly SavedPin[]): Promise<void> => replaceText(path, encodePins(pins))
  try {
    const text = await readText(path, PINS_FILE_BYTES)
    return { saved: text === undefined ? [] : decodePins(text), save }
  } catch (error) {
    const aside = await setAside(path)
    log.error('the pins cannot be read, and nothing is pinned', { error: String(error), aside })
    return { saved: [], save }
  }
}
