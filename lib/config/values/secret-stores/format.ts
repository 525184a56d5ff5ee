export const SECRET_FORMATS = ['PLAIN', 'PEM', 'BASE64', 'BASE64URL'] as const
export type SecretFormat = (typeof SECRET_FORMATS)[number]

/**
 * The text of a secret as it stands in its file: without the line break that editors put at the end, and decoded.
 * @throws Error with a sentence that shows nothing of it
 */
export function decodeSecret(bytes: Buffer, format: SecretFormat): string {
  const text = textOf(bytes, 'is not UTF-8 text')
  if (format === 'PLAIN') return text.replace(/\r?\n$/, '')
  if (format === 'PEM') {
    if (!text.includes('-----BEGIN ')) throw new Error('is not PEM text')
    return text
  }
  const alphabet = format === 'BASE64' ? /^[A-Za-z0-9+/\s]*={0,2}$/ : /^[A-Za-z0-9_\s-]*={0,2}$/
  if (!alphabet.test(text.trimEnd())) throw new Error(`is not ${format}`)
  return textOf(Buffer.from(text, 'base64'), `is ${format} of something that is not UTF-8 text`)
}

function textOf(bytes: Buffer, sentence: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error(sentence)
  }
}
