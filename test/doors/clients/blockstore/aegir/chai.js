import * as chai from 'chai'
import promised from 'chai-as-promised'

chai.use(promised)
// The suite calls the assertions that chai makes by reading a property.
chai.use(({ Assertion }) => {
  for (const name of ['true', 'false', 'ok']) {
    const { get } = Object.getOwnPropertyDescriptor(Assertion.prototype, name)
    Object.defineProperty(Assertion.prototype, name, {
      configurable: true,
      get() {
        return () => get.call(this)
      },
    })
  }
})

export const { expect } = chai
