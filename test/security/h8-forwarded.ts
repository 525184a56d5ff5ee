import assert from 'node:assert/strict'
import { call, type OnStage } from './caller.ts'

const SPOOFED = {
  'x-forwarded-for': '10.9.9.9, 10.8.8.8',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': '10.9.9.9',
  'x-forwarded-port': '10999',
  'x-forwarded-user': '10.9.9.9',
  'x-real-ip': '10.9.9.9',
  'x-client-ip': '10.9.9.9',
  'x-cluster-client-ip': '10.9.9.9',
  'true-client-ip': '10.9.9.9',
  'cf-connecting-ip': '10.9.9.9',
  forwarded: 'for=10.9.9.9;proto=https',
}

export const h8 = (stage: OnStage): void => {
  describe('H8 spoofed X-Forwarded-*', () => {
    it('never reaches the remote; what we know ourselves does', async () => {
      await call(stage(), 'eu/info/ping', { headers: SPOOFED })
      const { last } = stage().eu
      assert.doesNotMatch(last.rawHeaders.join('\n'), /10\.[89]|10999|https/)
      assert.deepEqual(last.raw('x-forwarded-for'), ['127.0.0.1'])
      assert.deepEqual(last.raw('x-forwarded-proto'), ['http'])
    })
  })
}
