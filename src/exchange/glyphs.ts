/**
 * A 5 x 7 pixel alphabet, drawn for the strip under saved pictures: the same strip comes out of a browser and of a
 * command line, where no font can be counted on. Rows are top to bottom; `#` is ink.
 */
const ROWS: Record<string, string> = {
  A: ' ### /#   #/#   #/#####/#   #/#   #/#   #',
  B: '#### /#   #/#   #/#### /#   #/#   #/#### ',
  C: ' ####/#    /#    /#    /#    /#    / ####',
  D: '#### /#   #/#   #/#   #/#   #/#   #/#### ',
  E: '#####/#    /#    /#### /#    /#    /#####',
  F: '#####/#    /#    /#### /#    /#    /#    ',
  G: ' ####/#    /#    /#  ##/#   #/#   #/ ####',
  H: '#   #/#   #/#   #/#####/#   #/#   #/#   #',
  I: '#####/  #  /  #  /  #  /  #  /  #  /#####',
  J: '#####/   # /   # /   # /   # /#  # / ##  ',
  K: '#   #/#  # /# #  /##   /# #  /#  # /#   #',
  L: '#    /#    /#    /#    /#    /#    /#####',
  M: '#   #/## ##/# # #/# # #/#   #/#   #/#   #',
  N: '#   #/##  #/##  #/# # #/#  ##/#  ##/#   #',
  O: ' ### /#   #/#   #/#   #/#   #/#   #/ ### ',
  P: '#### /#   #/#   #/#### /#    /#    /#    ',
  Q: ' ### /#   #/#   #/#   #/# # #/#  # / ## #',
  R: '#### /#   #/#   #/#### /# #  /#  # /#   #',
  S: ' ####/#    /#    / ### /    #/    #/#### ',
  T: '#####/  #  /  #  /  #  /  #  /  #  /  #  ',
  U: '#   #/#   #/#   #/#   #/#   #/#   #/ ### ',
  V: '#   #/#   #/#   #/#   #/#   #/ # # /  #  ',
  W: '#   #/#   #/#   #/# # #/# # #/## ##/#   #',
  X: '#   #/#   #/ # # /  #  / # # /#   #/#   #',
  Y: '#   #/#   #/ # # /  #  /  #  /  #  /  #  ',
  Z: '#####/    #/   # /  #  / #   /#    /#####',
  '0': ' ### /#   #/#  ##/# # #/##  #/#   #/ ### ',
  '1': '  #  / ##  /  #  /  #  /  #  /  #  /#####',
  '2': ' ### /#   #/    #/  ## / #   /#    /#####',
  '3': '#### /    #/    #/ ### /    #/    #/#### ',
  '4': '#   #/#   #/#   #/#####/    #/    #/    #',
  '5': '#####/#    /#    /#### /    #/    #/#### ',
  '6': ' ### /#    /#    /#### /#   #/#   #/ ### ',
  '7': '#####/    #/   # /   # /  #  /  #  /  #  ',
  '8': ' ### /#   #/#   #/ ### /#   #/#   #/ ### ',
  '9': ' ### /#   #/#   #/ ####/    #/    #/ ### ',
  '.': '     /     /     /     /     / ##  / ##  ',
  ',': '     /     /     /     / ##  / ##  / #   ',
  ':': '     / ##  / ##  /     / ##  / ##  /     ',
  '-': '     /     /     / ### /     /     /     ',
  '–': '     /     /     /#####/     /     /     ',
  '+': '     /  #  /  #  /#####/  #  /  #  /     ',
  '/': '    #/    #/   # /  #  / #   /#    /#    ',
  ' ': '     /     /     /     /     /     /     ',
};

export const GLYPH_WIDTH = 5;
export const GLYPH_HEIGHT = 7;
/** Pixels from one letter's left edge to the next one's. */
export const GLYPH_ADVANCE = 6;

const GLYPHS = new Map(Object.entries(ROWS).map(([letter, rows]) => [letter, rows.split('/')]));

/** Width in pixels of a line at scale 1. */
export function textWidth(text: string): number {
  return Math.max(0, text.length * GLYPH_ADVANCE - (GLYPH_ADVANCE - GLYPH_WIDTH));
}

/** Calls `ink(x, y)` for every set pixel of a line; letters outside the alphabet leave a gap. */
export function drawText(text: string, ink: (x: number, y: number) => void): void {
  [...text.toUpperCase()].forEach((letter, place) => {
    GLYPHS.get(letter)?.forEach((row, y) => {
      for (let x = 0; x < GLYPH_WIDTH; x++) if (row[x] === '#') ink(place * GLYPH_ADVANCE + x, y);
    });
  });
}
