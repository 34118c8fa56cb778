import * as chai from 'chai'
import promised from 'chai-as-promised'

chai.use(promised)
// The suite calls the assertions that chai makes by reading a property.
chai.use(({ Assertion }) => {
  for (const name of ['true', 'false', 'ok']) {
    const property = Object.getOwnPropertyDescriptor(Assertion.prototype, name)
    Object.defineProperty(Assertion.prototype, name, {
      configurable: true,
      get() {
        return () => property.get.call(this)
      },
    })
  }
})

export const { expect } = chai
