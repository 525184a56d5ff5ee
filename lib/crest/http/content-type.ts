/** The relevant parts of a `Content-Type`: the media type in lower case, and its charset. */
export interface ContentType {
  readonly type: string
  readonly charset: string | undefined
}

export function contentTypeOf(header: string | undefined = ''): ContentType {
  const [type = '', ...parameters] = header.split(';')
  const charset = parameters.map(charsetIn).find(Boolean)
  return { type: type.trim().toLowerCase(), charset: charset?.toLowerCase() }
}

/** Spaces around the equals sign are invalid and common. */
function charsetIn(parameter: string): string | undefined {
  const [name = '', ...value] = parameter.split('=')
  if (name.trim().toLowerCase() !== 'charset') return undefined
  return /^"?([^"\s]*)"?$/.exec(value.join('=').trim())?.[1]
}

/** The names of UTF-8 and of its subset; any other charset would be decoded wrongly. */
const UTF_8: ReadonlySet<string | undefined> = new Set([undefined, 'utf-8', 'utf8', 'us-ascii', 'ascii'])

export const isUtf8 = ({ charset }: ContentType): boolean => UTF_8.has(charset)
