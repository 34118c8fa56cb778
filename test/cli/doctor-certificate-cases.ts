/** What `dstore doctor` can find of the certificate for TLS, as facts. */
import type { Facts } from '../../cli/doctor/facts.ts'
import { healthy } from './doctor-facts.ts'

const certified = (isExpired: boolean): Facts =>
  healthy('global', {
    certificate: { value: { path: '/cert.pem', validTo: new Date(0), isExpired } },
  })

/** By what is wrong: the facts, and exactly what is found. */
export const CERTIFICATE_CASES: Readonly<Record<string, readonly [Facts, string[]]>> = {
  'R007-143 a certificate that is missing or does not fit its key': [
    healthy('global', { certificate: { why: 'cannot read /cert.pem: no such file' } }),
    ['warning certificate-unusable'],
  ],
  'R007-143 a certificate that has expired': [certified(true), ['problem certificate-expired']],
  'R007-143 a certificate that is valid': [certified(false), []],
}
