/** What stands behind `identityServer`. */
export interface ServerProperties {
  /**
   * The value of a property; undefined when nothing defines it, or when it may hold a secret.
   * @param substitute whether `&{…}` inside the value is resolved
   */
  property(name: string, substitute: boolean): string | undefined
  /** Absolute directories. */
  readonly locations: Readonly<Record<'install' | 'project' | 'working', string>>
}

const SECRET_NAME =
  /pass(?:word|phrase|wd)|secret|credential|token|private|crypto|(?:^|[._-])(?:pwd|pin|keys?|auth)(?:$|[._-])/i

/** Whether a property has the name of a secret: scripts get its value only where the configuration names it. */
export const mayHoldSecret = (name: string): boolean => SECRET_NAME.test(name.replace(/([a-z])([A-Z])/g, '$1.$2'))
