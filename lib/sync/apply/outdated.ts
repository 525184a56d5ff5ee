/** Thrown when a decision is outdated. The message is a clause such as `The target has changed`. */
export class Outdated extends Error {}
