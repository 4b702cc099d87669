// Version numbers of the wire (PROTOCOL 4.1, 5.5, 18).

/** `v` of the outer handshake: the only one this program speaks. */
export const OUTER_VERSION = 1

/** `suite` of bundles and stream heads; anything else is refused. */
export const SUITE = 1
