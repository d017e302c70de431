/** The emotions' colours, after Okabe and Ito: distinguishable with any colour vision. */

// The same as in Python's palette. Colours never stand alone: the word is always next to them.
const DARK: Record<string, string> = {
  angry: "#e8743b",
  disgust: "#2fb58c",
  fear: "#d58bb5",
  happy: "#f0e442",
  neutral: "#d6d9dd",
  sad: "#62b8ec",
  surprise: "#eba32b",
};
// Pale colours are hard to see on a light page: the same hues, darker.
const LIGHT: Record<string, string> = {
  angry: "#c4480f",
  disgust: "#0a8a66",
  fear: "#b3588e",
  happy: "#cfa300",
  neutral: "#7d858f",
  sad: "#2b83c0",
  surprise: "#c9770a",
};
const SPARE = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"];

/** Return an emotion's colour; other class names get the colours in order. */
export function colorOf(emotion: string | null, names: readonly string[], isDark: boolean): string {
  const colors = isDark ? DARK : LIGHT;
  if (emotion === null) {
    return isDark ? "#a4abb5" : "#69717b";
  }
  return colors[emotion] ?? colors[SPARE[Math.max(names.indexOf(emotion), 0) % SPARE.length]];
}
