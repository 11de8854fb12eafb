"""Golden features of librosa, torchaudio, its Kaldi part and python_speech_features, and librosa's deltas.

Made with librosa 0.11.0, torch 2.15.0, torchaudio 2.11.0, python_speech_features 0.6, scipy 1.17.1 and numpy 2.4.6
(pip install librosa torch torchaudio python_speech_features). Run from the repository's root:

    python tools/golden/audio_features.py > packages/audio/tests/golden/features.json

Everything is computed in float64 from a synthetic signal of 16-bit values. With a folder of WAV files behind the name,

    python tools/golden/audio_features.py FOLDER EVERY > /tmp/features.json

the same is made of every EVERYth file in it instead, in each program's own default precision; with one more word, in float64.
"""

import base64
import glob
import json
import sys
import wave

import numpy as np
import torch

# torchaudio asks for the CUDA it was built with, which nothing here uses.
torch.version.cuda = "13.0"
import librosa
import python_speech_features
import torchaudio
import torchaudio.compliance.kaldi as kaldi


def speech_like(rate, seconds, seed):
    """A gliding voice of many harmonics under two moving formants, a hiss, a silence and a click: int16."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate
    pitch = 110 + 60 * np.sin(2 * np.pi * 2.3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    voice = np.zeros_like(time)
    for harmonic in range(1, 25):
        frequency = harmonic * pitch
        first, second = 500 + 300 * np.sin(9 * time), 1500 + 700 * np.cos(7 * time)
        formants = np.exp(-(((frequency - first) / 150) ** 2)) + 0.5 * np.exp(-(((frequency - second) / 250) ** 2))
        voice += np.where(frequency < rate / 2.2, formants, 0) * np.sin(harmonic * phase)
    envelope = np.clip(np.sin(2 * np.pi * time / seconds * 1.5), 0, None)
    signal = 0.25 * voice * envelope + 0.01 * generator.standard_normal(len(time)) * (time > 0.04) + 0.002
    signal[len(signal) // 2] += 0.4
    return np.round(np.clip(signal, -1, 1) * 32767).astype(np.int16)


def rows(matrix):
    return [[float(f"{value:.8g}") for value in row] for row in np.asarray(matrix)]


def kaldi_features(function, samples, rate, dtype, **options):
    waveform = torch.tensor(samples.astype(np.float64), dtype=dtype)[None]
    return rows(function(waveform, sample_frequency=float(rate), **options))


def everything(samples, rate, precise):
    unit = samples.astype(np.float64 if precise else np.float32) / 32768
    dtype = torch.float64 if precise else torch.float32
    torch.set_default_dtype(dtype)  # the cosine transform is made in it
    tensor = torch.tensor(unit, dtype=dtype)[None]

    def torchaudio_mfcc(**options):
        transform = torchaudio.transforms.MFCC(sample_rate=rate, **options).to(dtype)
        return rows(transform(tensor)[0].T)

    nfft = 512 if rate * 0.025 <= 512 else 1024
    mfcc = librosa.feature.mfcc(y=unit, sr=rate)
    out = {
        "librosa-mfcc": rows(mfcc.T),
        "librosa-mfcc small": rows(
            librosa.feature.mfcc(
                y=unit, sr=rate, n_mfcc=13, n_fft=400, hop_length=160, win_length=300, n_mels=40, fmin=50, fmax=3800,
                htk=True, window="hamming", lifter=22, pad_mode="reflect", norm=None,
            ).T
        ),
        "librosa-mel": rows(librosa.power_to_db(librosa.feature.melspectrogram(y=unit, sr=rate, n_mels=20)).T),
        "kaldi-mfcc": kaldi_features(kaldi.mfcc, samples, rate, dtype),
        "kaldi-mfcc energy": kaldi_features(kaldi.mfcc, samples, rate, dtype, use_energy=True, num_ceps=7),
        "kaldi-mfcc windowed energy": kaldi_features(
            kaldi.mfcc, samples, rate, dtype, use_energy=True, raw_energy=False, num_ceps=3, energy_floor=0.0
        ),
        "kaldi-mfcc mirror": kaldi_features(kaldi.mfcc, samples, rate, dtype, snip_edges=False, num_ceps=5),
        "kaldi-fbank": kaldi_features(kaldi.fbank, samples, rate, dtype),
        "kaldi-fbank energy": kaldi_features(
            kaldi.fbank, samples, rate, dtype, use_energy=True, num_mel_bins=10, window_type="hamming", use_power=False,
            low_freq=100.0, high_freq=-200.0, preemphasis_coefficient=0.9,
        ),
        "kaldi-spectrum": kaldi_features(
            kaldi.spectrogram, samples, rate, dtype, frame_length=4.0, frame_shift=30.0, window_type="blackman"
        ),
        "torchaudio-mfcc": torchaudio_mfcc(),
        "torchaudio-mfcc log": torchaudio_mfcc(
            n_mfcc=13, log_mels=True, melkwargs={"n_fft": 512, "hop_length": 160, "n_mels": 40, "center": True}
        ),
        "python-speech-features-mfcc": rows(python_speech_features.mfcc(samples, rate, nfft=nfft)),
        "python-speech-features-mfcc plain": rows(
            python_speech_features.mfcc(
                samples, rate, nfft=nfft, appendEnergy=False, ceplifter=0, winfunc=np.hamming, numcep=6, lowfreq=133
            )
        ),
    }
    if mfcc.shape[1] >= 5 and precise:
        out["delta python_speech_features"] = rows(python_speech_features.delta(mfcc.T[:, :4], 2))
        out["delta librosa"] = rows(librosa.feature.delta(mfcc[:4], width=5).T)
        out["delta-delta librosa"] = rows(librosa.feature.delta(mfcc[:4], width=5, order=2).T)
    return out


def from_wav(path):
    with wave.open(path) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16), file.getframerate()


if len(sys.argv) > 1:
    paths = sorted(glob.glob(sys.argv[1] + "/*.wav"))[:: int(sys.argv[2])]
    signals = [(path, *from_wav(path)) for path in paths]
    result = [{"path": path, "rate": rate, "features": everything(s, rate, len(sys.argv) > 3)} for path, s, rate in signals]
else:
    made = [("16 kHz", speech_like(16000, 0.32, 1), 16000), ("8 kHz", speech_like(8000, 0.41, 2), 8000)]
    result = [
        {
            "name": name,
            "rate": rate,
            "samples": base64.b64encode(samples.tobytes()).decode(),
            "features": everything(samples, rate, True),
        }
        for name, samples, rate in made
    ]
json.dump(result, sys.stdout, separators=(",", ":"))
