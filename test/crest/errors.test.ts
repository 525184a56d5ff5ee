import assert from 'node:assert/strict'
import * as errors from '../../lib/crest/errors.ts'

describe('errors', () => {
  const raised: [raise: typeof errors.badRequest, code: number, reason: string][] = [
    [errors.badRequest, 400, 'Bad Request'],
    [errors.unauthorized, 401, 'Unauthorized'],
    [errors.forbidden, 403, 'Forbidden'],
    [errors.notFound, 404, 'Not Found'],
    [errors.methodNotAllowed, 405, 'Method Not Allowed'],
    [errors.notAcceptable, 406, 'Not Acceptable'],
    [errors.conflict, 409, 'Conflict'],
    [errors.preconditionFailed, 412, 'Precondition Failed'],
    [errors.payloadTooLarge, 413, 'Payload Too Large'],
    [errors.unsupportedMediaType, 415, 'Unsupported Media Type'],
    [errors.internalError, 500, 'Internal Server Error'],
    [errors.notSupported, 501, 'Not Implemented'],
    [errors.badGateway, 502, 'Bad Gateway'],
    [errors.serviceUnavailable, 503, 'Service Unavailable'],
    [errors.gatewayTimeout, 504, 'Gateway Timeout'],
  ]
  for (const [raise, code, reason] of raised)
    it(`${code} ${reason}`, () => assert.deepEqual(raise('m').toJSON(), { code, reason, message: 'm' }))

  it('print their detail, never their cause', () => {
    const error = errors.forbidden('Policy validation failed', {
      detail: { result: false },
      cause: new Error('secret'),
    })
    assert.equal(
      JSON.stringify(error),
      '{"code":403,"reason":"Forbidden","message":"Policy validation failed","detail":{"result":false}}',
    )
  })

  it('an unknown error is a bare 500 that keeps its cause', () => {
    const cause = new TypeError('secret')
    const error = errors.toResourceException(cause)
    assert.deepEqual([error.code, error.message, error.cause], [500, 'Internal Server Error', cause])
    assert.equal(errors.toResourceException(error), error)
  })
})
