/** Watch the frames that a video element shows. */

/** The frame on the screen. */
export interface ShownFrame {
  /** Its time in the video, in seconds; for a camera, the time since its first frame. */
  readonly timeS: number;
  /** Number of frames shown before it, as counted by the browser. */
  readonly frame: number;
}

/** Call back for every frame shown, until the returned function is called. */
export function watchFrames(video: HTMLVideoElement, isLive: boolean, onFrame: (shown: ShownFrame) => void): () => void {
  let stopped = false;
  let began: number | null = null;
  let first: number | null = null;
  const show = (now: number, mediaTimeS: number, presented: number): void => {
    began ??= now;
    first ??= presented;
    onFrame({ timeS: isLive ? (now - began) / 1000 : mediaTimeS, frame: presented - first });
  };
  if ("requestVideoFrameCallback" in video) {
    const next: VideoFrameRequestCallback = (now, metadata) => {
      if (!stopped) {
        video.requestVideoFrameCallback(next);
        show(now, metadata.mediaTime, metadata.presentedFrames);
      }
    };
    video.requestVideoFrameCallback(next);
  } else {
    watchByClock(video, () => stopped, show);
  }
  return () => {
    stopped = true;
  };
}

/** For browsers without frame callbacks: check the video's clock at every repaint. */
function watchByClock(
  video: HTMLVideoElement,
  isStopped: () => boolean,
  show: (now: number, timeS: number, presented: number) => void,
): void {
  let lastS = -1;
  let presented = 0;
  const next = (now: number): void => {
    if (isStopped()) {
      return;
    }
    if (video.currentTime !== lastS && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      lastS = video.currentTime;
      show(now, lastS, presented++);
    }
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
}
