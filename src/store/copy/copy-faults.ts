/** What a report of a copying thread means, other than that it copied. */
import { DstoreError } from '../../errors.ts'
import { notTheValues } from '../../hash/proof/piece-decoder.ts'
import { readFault } from '../disk/value-reader.ts'
import { unwritableFile } from '../file/file-faults.ts'
import type { CopyReport } from './copy-job.ts'

/** The fault in a report; undefined without one. `name` is what messages call the target. */
export function copyFault(report: CopyReport, name: string): Error | undefined {
  switch (report.kind) {
    case 'copied':
      return undefined
    case 'short':
      return new DstoreError('integrity', 'a value is shorter than it was')
    case 'wrong':
      return notTheValues(report.position)
    case 'failed': {
      const { code, syscall, message } = report
      const error = Object.assign(new Error(message), { code, syscall })
      return report.doing === 'read' ? readFault(error) : unwritableFile(`write to ${name}`, error)
    }
  }
}
