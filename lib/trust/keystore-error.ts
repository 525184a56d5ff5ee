import { commandLine } from '../core/command-line.ts'
import { isOutOfFiles, OUT_OF_FILES_TEXT } from '../core/system-error.ts'

/** Kinds of faults of a file of certificates or keys. */
export type KeystoreFault = 'password' | 'corrupt' | 'empty' | 'missing' | 'unsupported' | 'unreadable'

/** A file of certificates or keys cannot be used. The message names file, fault and cure, and holds no password. */
export class KeystoreError extends Error {
  readonly fault: KeystoreFault
  readonly file: string

  constructor(fault: KeystoreFault, file: string, sentence: string) {
    super(`${file}: ${sentence}`)
    this.name = 'KeystoreError'
    this.fault = fault
    this.file = file
  }
}

export const wrongPassword = (file: string): KeystoreError =>
  new KeystoreError(
    'password',
    file,
    'the password does not open this keystore (or the file is damaged). ' +
      `Try it with "keytool -list -keystore ${file}" and configure the password that works there`,
  )

export const corruptFile = (file: string, what: string): KeystoreError =>
  new KeystoreError('corrupt', file, `${what}. Restore the file from a backup or make it anew with keytool -import`)

export const emptyStore = (file: string): KeystoreError =>
  new KeystoreError('empty', file, `holds no certificate. Add one with keytool -import or ${commandLine()} trust add`)

export const unsupportedStore = (file: string): KeystoreError =>
  new KeystoreError(
    'unsupported',
    file,
    'a keystore of type JCEKS cannot be read. Convert it with "keytool -importkeystore -srckeystore ' +
      `${file} -destkeystore ${file}.p12 -deststoretype PKCS12"`,
  )

export const unsupportedContent = (file: string): KeystoreError =>
  new KeystoreError(
    'unsupported',
    file,
    'holds an entry, or uses an encryption, that cannot be read: certificates and private keys can. ' +
      'Export what is needed with "keytool -exportcert -rfc" into a PEM file',
  )

/** The file or directory was there before. It may be missing only for a moment, during an update. */
export const missingStore = (file: string): KeystoreError =>
  new KeystoreError(
    'missing',
    file,
    'is gone; what was in it stays trusted until the gateway starts again. Put it back, or leave an empty file to trust nothing',
  )

/** @param error of the file system, or one with a message for a person */
export function unreadableFile(file: string, error: unknown): KeystoreError {
  const { message, code } = error as NodeJS.ErrnoException
  if (isOutOfFiles(code)) return new KeystoreError('unreadable', file, `cannot be read: ${OUT_OF_FILES_TEXT}`)
  return new KeystoreError(
    'unreadable',
    file,
    `cannot be read (${code ?? message}). Give this process a file it may read`,
  )
}
